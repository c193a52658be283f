import type { NodeAddress } from '../../../lib/cluster/topology/topology.js';
import type { ClientState } from './client-state.js';
import type { ClusterMap } from './cluster-map.js';
import { type KeysOfCommand, keysOf } from './slot-rules.js';

const CROSS_SLOT = "CROSSSLOT Keys in request don't hash to the same slot";
const TRY_AGAIN = 'TRYAGAIN Multiple keys request during rehashing of slot';

/** How a node sees slots, and what it has of them. */
export interface SlotView {
  readonly place: number;
  readonly map: ClusterMap;
  /** The slots that it hands over, with the new node, and those that it receives. */
  readonly migrating: ReadonlyMap<number, NodeAddress>;
  readonly importing: ReadonlyMap<number, unknown>;
  /** Why it writes nothing at present. */
  readonly writeRefusal: string | undefined;
  /** Whether it looks for the keys of a command that it queues; Valkey 9 waits for EXEC. */
  readonly checksQueuedKeys: boolean;
  has(key: string): boolean;
  addressOf(place: number): NodeAddress;
}

/**
 * Returns why a node does not run commands, one alone or those of a transaction, because of their slot; `undefined` if
 * it does. These are the rules of `getNodeByQuery` in Redis.
 */
export function slotRefusal(
  commands: readonly (readonly string[])[],
  client: ClientState,
  node: SlotView,
): string | undefined {
  const found = keysOfAll(commands);
  if (found === undefined || typeof found === 'string') return found;
  const { slot, keys, isWrite, runsScript, areChannels } = found;
  const owner = node.map.ownerOf(slot);
  const isOwn = owner === node.place;
  const isQueuing = client.queued !== undefined && commands !== client.queued;
  // in a transaction, channels count as keys
  const isUnchecked = (areChannels && commands !== client.queued) || (isQueuing && !node.checksQueuedKeys);
  const missing = isUnchecked ? 0 : keys.filter((key) => !node.has(key)).length;
  const target = isOwn ? node.migrating.get(slot) : undefined;
  if (target !== undefined && missing > 0)
    return missing < keys.length ? TRY_AGAIN : `ASK ${slot} ${nameOf(target)}`;
  if (isOwn) return isWrite || runsScript ? node.writeRefusal : undefined;
  if (client.isAsking && node.importing.has(slot))
    return new Set(keys).size > 1 && missing > 0 ? TRY_AGAIN : undefined;
  const isReplica = node.map.shardOfSlot(slot) === node.map.shardOfNode(node.place);
  if (isReplica && (areChannels || client.isReadonly) && !isWrite) return undefined;
  return `MOVED ${slot} ${nameOf(node.addressOf(owner))}`;
}

const nameOf = ({ host, port }: NodeAddress): string => `${host}:${port}`;

/** Returns the keys of all commands together; an error if they have several slots. */
function keysOfAll(commands: readonly (readonly string[])[]): KeysOfCommand | string | undefined {
  let all: KeysOfCommand | undefined;
  for (const command of commands) {
    const found = keysOf(command);
    if (found === undefined) continue;
    if (typeof found === 'string' || (all !== undefined && all.slot !== found.slot)) return CROSS_SLOT;
    all = all === undefined ? found : both(all, found);
  }
  return all;
}

const both = (a: KeysOfCommand, b: KeysOfCommand): KeysOfCommand => ({
  slot: a.slot,
  keys: [...a.keys, ...b.keys],
  isWrite: a.isWrite || b.isWrite,
  runsScript: a.runsScript || b.runsScript,
  areChannels: a.areChannels && b.areChannels,
});
