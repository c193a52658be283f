import { UnsupportedServerFeatureError } from '../../cluster/common/errors.js';
import { fieldsOf, listOf } from '../../cluster/topology/reply-fields.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
import type { AdminCalls } from '../cluster-calls/admin-calls.js';
import { isUnknownSubcommand } from './atomic-jobs.js';

/** What a server has counted for a slot since it started, or since the slot arrived. */
export interface SlotStats {
  readonly slot: number;
  /** The primary that owns the slot. */
  readonly node: ClusterNode;
  readonly keys: number;
  /** The CPU time of its commands, in µs. Undefined, like all that follows, unless the server counts it. */
  readonly cpuUs: number | undefined;
  readonly bytesIn: number | undefined;
  readonly bytesOut: number | undefined;
  /** The memory of its keys, in bytes. */
  readonly memoryBytes: number | undefined;
}

/** A measure of the load of a slot. */
export type SlotLoad = 'keys' | 'cpuUs' | 'bytesIn' | 'bytesOut' | 'memoryBytes';

/** How many slots are counted at once. */
const BATCH = 1_000;

/**
 * Reads CLUSTER SLOT-STATS of all primaries, ordered by slot.
 * @throws UnsupportedServerFeatureError
 */
export async function readSlotStats(calls: AdminCalls): Promise<SlotStats[]> {
  const primaries = (await calls.allNodes()).filter(
    ({ role, slots }) => role === 'primary' && slots.length > 0,
  );
  const stats = await Promise.all(primaries.map((node) => statsOf(calls, node)));
  return stats.flat().toSorted((a, b) => a.slot - b.slot);
}

async function statsOf(calls: AdminCalls, node: ClusterNode): Promise<SlotStats[]> {
  const words = ['SLOT-STATS', 'SLOTSRANGE', 0, SLOT_COUNT - 1];
  const reply = await calls.repeatOnNode(node, 'cluster', words).catch((error: unknown) => {
    if (isUnknownSubcommand(error))
      throw new UnsupportedServerFeatureError('slotStats()', 'Redis 8.2 or later, or Valkey 8.0 or later');
    throw error;
  });
  return listOf(reply).map((entry) => {
    const [slot, counts] = listOf(entry);
    const fields = fieldsOf(counts ?? []);
    const count = (name: string): number | undefined => {
      const value = fields.get(name);
      return value === undefined ? undefined : Number(value);
    };
    return {
      slot: Number(slot),
      node,
      keys: count('key-count') ?? 0,
      cpuUs: count('cpu-usec'),
      bytesIn: count('network-bytes-in'),
      bytesOut: count('network-bytes-out'),
      memoryBytes: count('memory-bytes'),
    };
  });
}

/** Returns how many keys a node has in each of the slots. */
export async function countKeys(
  calls: AdminCalls,
  node: ClusterNode,
  slots: readonly number[],
): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  const count = async (slot: number): Promise<void> => {
    counts.set(slot, Number(await calls.repeatOnNode(node, 'cluster', ['COUNTKEYSINSLOT', slot])));
  };
  for (let at = 0; at < slots.length; at += BATCH) await Promise.all(slots.slice(at, at + BATCH).map(count));
  return counts;
}
