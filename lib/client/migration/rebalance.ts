import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import type { CallPolicy } from '../../cluster/command/call-policy.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError, UnsupportedServerFeatureError } from '../../cluster/common/errors.js';
import { groupBy } from '../../cluster/common/group-by.js';
import type { ClusterNode, SlotRange } from '../../cluster/topology/topology.js';
import type { AdminCalls } from '../cluster-calls/admin-calls.js';
import { rangesOf } from '../cluster-calls/slot-words.js';
import { migrateSlots, type SlotMigrationOptions } from './migrate-slots.js';
import { ownersOf, readPrimaries } from './primaries.js';
import { planMoves, type LoadedNode } from './rebalance-plan.js';
import { countKeys, readSlotStats, type SlotLoad } from './slot-stats.js';

/** Options of `rebalance`. */
export interface RebalanceOptions extends SlotMigrationOptions {
  /** What is balanced. All but `keys` needs a server that counts it; see `slotStats()`. Default `keys`. */
  by?: SlotLoad | undefined;
  /** Only plans. Default false. */
  dryRun?: boolean | undefined;
  /** How far the load of a node may be from the average, as a fraction of it. Default 0.05. */
  threshold?: number | undefined;
}

/** Slots that move from one node to another. */
export interface RebalanceMove {
  readonly from: ClusterNode;
  readonly to: ClusterNode;
  readonly slots: readonly SlotRange[];
  readonly load: number;
}

/** What `rebalance` has moved, or would move. */
export interface RebalanceResult {
  readonly moves: readonly RebalanceMove[];
  /** The load of each primary before and after the moves, by its name. */
  readonly loads: ReadonlyMap<string, { readonly before: number; readonly after: number }>;
}

const LOADS: ReadonlySet<unknown> = new Set<SlotLoad>([
  'keys',
  'cpuUs',
  'bytesIn',
  'bytesOut',
  'memoryBytes',
]);
const OPTIONS: readonly (keyof RebalanceOptions)[] = [
  'by',
  'dryRun',
  'threshold',
  'onProgress',
  'signal',
  'timeoutMs',
];
const THRESHOLD = 0.05;

/** Moves slots until all primaries have about the same load; see `ClusterAdmin.rebalance`. */
export async function rebalance(
  engine: ClusterEngine,
  calls: AdminCalls,
  policy: CallPolicy,
  options: RebalanceOptions = {},
): Promise<RebalanceResult> {
  checkOptions(options);
  const { by = 'keys', dryRun = false, threshold = THRESHOLD, ...migration } = options;
  const nodes = orSlotCounts(await readLoads(calls, by));
  const planned = planMoves(nodes, threshold);
  const moves = [...groupBy(planned, ({ from, to }) => `${from.id} ${to.id}`).values()].map(
    (group): RebalanceMove => ({
      from: group[0].from,
      to: group[0].to,
      slots: rangesOf(group.map(({ slot }) => slot)),
      load: group.reduce((sum, { load }) => sum + load, 0),
    }),
  );
  const loads = new Map(
    nodes.map(({ node, slots }) => {
      const before = [...slots.values()].reduce((sum, load) => sum + load, 0);
      const changes = moves.map(({ from, to, load }) => (to === node ? load : from === node ? -load : 0));
      return [node.name, { before, after: changes.reduce((sum, change) => sum + change, before) }] as const;
    }),
  );
  if (!dryRun) {
    for (const { slots, to } of moves) await migrateSlots(engine, calls, policy, { slots, to }, migration);
  }
  return { moves, loads };
}

/** @throws InvalidArgumentError */
function checkOptions(options: RebalanceOptions): void {
  checkOptionNames('rebalance', options, OPTIONS);
  const { by, dryRun, threshold } = options;
  if (by !== undefined && !LOADS.has(by)) {
    throw new InvalidArgumentError(
      'by',
      `by must be one of ${[...LOADS].join(', ')}, got ${describeOther(by)}`,
    );
  }
  if (dryRun !== undefined && typeof dryRun !== 'boolean') {
    throw new InvalidArgumentError('dryRun', `dryRun must be true or false, got ${describeOther(dryRun)}`);
  }
  if (threshold !== undefined && !(typeof threshold === 'number' && threshold >= 0 && threshold < 1)) {
    throw new InvalidArgumentError(
      'threshold',
      `threshold must be a number from 0 up to, but not including, 1, got ${describeOther(threshold)}`,
    );
  }
}

async function readLoads(calls: AdminCalls, by: SlotLoad): Promise<LoadedNode<ClusterNode>[]> {
  const primaries = await readPrimaries(calls);
  const slotsOf = groupBy(ownersOf(primaries), ([, primary]) => primary);
  const measured = by === 'keys' ? undefined : await measure(calls, by);
  return Promise.all(
    primaries.map(async (primary): Promise<LoadedNode<ClusterNode>> => {
      const { node } = primary;
      const own = (slotsOf.get(primary) ?? []).map(([slot]) => slot);
      if (measured === undefined) return { node, slots: await countKeys(calls, node, own) };
      return { node, slots: new Map(own.map((slot) => [slot, measured.get(slot) ?? 0])) };
    }),
  );
}

/** If no slot has a load, each counts as one. */
function orSlotCounts<N>(nodes: readonly LoadedNode<N>[]): readonly LoadedNode<N>[] {
  if (nodes.some(({ slots }) => [...slots.values()].some((load) => load > 0))) return nodes;
  return nodes.map(({ node, slots }) => ({
    node,
    slots: new Map([...slots.keys()].map((slot) => [slot, 1])),
  }));
}

async function measure(calls: AdminCalls, by: SlotLoad): Promise<Map<number, number>> {
  const stats = await readSlotStats(calls);
  return new Map(
    stats.map(({ slot, [by]: load }) => {
      if (load !== undefined) return [slot, load];
      throw new UnsupportedServerFeatureError(
        `rebalance({ by: '${by}' })`,
        'a server that counts it, and its setting `cluster-slot-stats-enabled yes`',
      );
    }),
  );
}
