import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import type { CallPolicy } from '../../cluster/command/call-policy.js';
import { checkSignal } from '../../cluster/command/abort-signal.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { describeKind, describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError, TopologyError } from '../../cluster/common/errors.js';
import { LONGEST_TIMER_MS } from '../../cluster/common/timers.js';
import type { ClusterNode, SlotRange } from '../../cluster/topology/topology.js';
import type { AdminCalls, NodeReference } from '../cluster-calls/admin-calls.js';
import { rangesOf, slotsAndRanges } from '../cluster-calls/slot-words.js';
import { assign, untilEpochIsKnown, untilMoved } from './agreement.js';
import { AtomicJobs } from './atomic-jobs.js';
import { KeyMover } from './key-mover.js';
import { planMigration, type SlotSource } from './migration-plan.js';
import { primaryOf, readPrimaries, type Primary } from './primaries.js';
import { countKeys } from './slot-stats.js';

/** Which slots move, and to which node. */
export interface SlotMigrationRequest {
  /** Slots, and ranges of slots as `[first, last]`. Those that the node owns already stay. */
  readonly slots: Iterable<number | SlotRange>;
  /** A primary, with or without slots. */
  readonly to: NodeReference;
}

/** Options of `migrateSlots`. */
export interface SlotMigrationOptions {
  /** Receives the progress after each step. The migration waits for what it returns, and ends with what it throws. */
  onProgress?: ((progress: SlotMigrationProgress) => unknown) | undefined;
  /** Ends the migration between two steps, with the signal's reason. The same call continues it later. */
  signal?: AbortSignal | undefined;
  /** How long one MIGRATE may wait for the receiving node, in ms. Servers that move slots in one step ignore it. Default 60000. */
  timeoutMs?: number | undefined;
}

/** How far a migration has come. */
export interface SlotMigrationProgress {
  readonly from: ClusterNode;
  readonly to: ClusterNode;
  /** How many slots this call has moved, of `totalSlots`. */
  readonly slots: number;
  readonly totalSlots: number;
  /** How many keys this call has moved. A server that moves slots in one step only reports the end. */
  readonly keys: number;
  /** How many keys the slots had when the call began. Other clients may write more, or delete some. */
  readonly totalKeys: number;
}

/** What `migrateSlots` has moved. */
export interface MigratedSlots {
  /** Without those that the node owned already. */
  readonly slots: readonly SlotRange[];
  readonly keys: number;
}

const TIMEOUT_MS = 60_000;
const OPTIONS: readonly (keyof SlotMigrationOptions)[] = ['onProgress', 'signal', 'timeoutMs'];
const REQUEST: readonly (keyof SlotMigrationRequest)[] = ['slots', 'to'];

/** Moves slots with their keys to a primary; see `ClusterAdmin.migrateSlots`. */
export async function migrateSlots(
  engine: ClusterEngine,
  calls: AdminCalls,
  policy: CallPolicy,
  request: SlotMigrationRequest,
  options: SlotMigrationOptions = {},
): Promise<MigratedSlots> {
  checkOptionNames('migrateSlots', request, REQUEST);
  const slots = slotsAndRanges(request.slots);
  checkOptions(options);
  options.signal?.throwIfAborted();
  const node = await calls.find(request.to);
  const primaries = await readPrimaries(calls);
  const to = primaryOf(primaries, node);
  const plan = planMigration(primaries, slots, to);
  for (const { from, slots: arrived } of plan.unnoticed) await assign(calls, from.node, arrived, node.id);
  const run = new MigrationRun(engine, calls, policy.deadlineMs, primaries, to, options);
  return run.move(plan.sources);
}

/** @throws InvalidArgumentError */
function checkOptions(options: SlotMigrationOptions): void {
  checkOptionNames('migrateSlots', options, OPTIONS);
  const { onProgress, signal, timeoutMs } = options;
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new InvalidArgumentError(
      'onProgress',
      `onProgress must be a function, got ${describeKind(onProgress)}`,
    );
  }
  if (signal !== undefined) checkSignal(signal);
  if (
    timeoutMs !== undefined &&
    !(Number.isInteger(timeoutMs) && timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS)
  ) {
    throw new InvalidArgumentError(
      'timeoutMs',
      `timeoutMs must be a whole number from 1 to ${LONGEST_TIMER_MS}, got ${describeOther(timeoutMs)}`,
    );
  }
}

/** One call of `migrateSlots`: from one owner after the other to the same node. */
class MigrationRun {
  private slots = 0;
  private keys = 0;
  private totalSlots = 0;
  private totalKeys = 0;

  constructor(
    private readonly engine: ClusterEngine,
    private readonly calls: AdminCalls,
    private readonly deadlineMs: number,
    private readonly primaries: readonly Primary[],
    private readonly to: Primary,
    private readonly options: SlotMigrationOptions,
  ) {}

  async move(sources: readonly SlotSource[]): Promise<MigratedSlots> {
    const counts = new Map<number, number>();
    for (const { from, slots } of sources) {
      this.totalSlots += slots.length;
      for (const [slot, count] of await countKeys(this.calls, from.node, slots)) {
        counts.set(slot, count);
        this.totalKeys += count;
      }
    }
    try {
      for (const source of sources) await this.moveFrom(source, counts);
    } finally {
      this.engine.reportStale();
    }
    return { slots: rangesOf(sources.flatMap(({ slots }) => slots)), keys: this.keys };
  }

  private async moveFrom(
    { from: { node: from, self }, slots }: SlotSource,
    counts: ReadonlyMap<number, number>,
  ): Promise<void> {
    const { calls, deadlineMs, options } = this;
    const to = this.to.node;
    const route = { from, to };
    const { giving } = await untilEpochIsKnown(calls, route, deadlineMs);
    // a slot that has begun to move key by key has to go on like that
    const isBegun = (slot: number): boolean => self.migrating.has(slot) || this.to.self.importing.has(slot);
    const begun = slots.filter(isBegun);
    const jobs = await AtomicJobs.between(calls, route);
    const keyByKey = jobs === undefined ? slots : begun;
    if (keyByKey.length > 0) {
      const mover = new KeyMover(calls, route, {
        destination: addressAsSeen(giving, to),
        others: this.primaries.map(({ node }) => node).filter(({ id }) => id !== from.id && id !== to.id),
        database: this.engine.options.database,
        credentials: this.engine.options.credentials,
        timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
        deadlineMs,
        signal: options.signal,
        onMoved: (moved, keys) => this.report(from, moved, keys),
      });
      await mover.move(keyByKey, counts);
    }
    if (jobs !== undefined)
      await this.moveAtOnce(
        jobs,
        from,
        slots.filter((slot) => !isBegun(slot)),
        counts,
      );
    await untilMoved(calls, route, slots, deadlineMs);
  }

  private async moveAtOnce(
    jobs: AtomicJobs<ClusterNode>,
    from: ClusterNode,
    slots: readonly number[],
    counts: ReadonlyMap<number, number>,
  ): Promise<void> {
    let left = slots;
    while (left.length > 0) {
      this.options.signal?.throwIfAborted();
      const moved = new Set(await jobs.move(left, this.options.signal));
      const own = left.filter((slot) => moved.has(slot));
      left = left.filter((slot) => !moved.has(slot));
      await this.report(
        from,
        own.length,
        own.reduce((sum, slot) => sum + (counts.get(slot) ?? 0), 0),
      );
    }
  }

  private async report(from: ClusterNode, slots: number, keys: number): Promise<void> {
    this.slots += slots;
    this.keys += keys;
    if (slots > 0) this.engine.reportStale();
    await this.options.onProgress?.({
      from,
      to: this.to.node,
      slots: this.slots,
      totalSlots: this.totalSlots,
      keys: this.keys,
      totalKeys: this.totalKeys,
    });
  }
}

/** Servers connect to each other by the addresses that they know, which this process may not be able to reach. */
function addressAsSeen({ node, seen }: Primary, to: ClusterNode): { host: string; port: number } {
  const { host, port } = seen.get(to.id) ?? { host: '', port: 0 };
  if (host !== '') return { host, port };
  throw new TopologyError('VIEWS_DISAGREE', `${node.name} does not know the address of ${to.name}`);
}
