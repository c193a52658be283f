import { delay } from '../../cluster/common/timers.js';
import { UnsupportedServerFeatureError } from '../../cluster/common/errors.js';
import { slotsAndRanges } from '../../client/cluster-calls/slot-words.js';
import { AtomicJobs, type JobCalls } from '../../client/migration/atomic-jobs.js';
import type { WaitOptions } from '../common/poll.js';
import type { SlotRange } from '../server/cluster-view.js';
import type { LocalNode } from '../server/local-node.js';
import { type SlotMigration, untilEpochIsKnown, untilOwnerIsKnown } from './slot-migration.js';

/** How fast slots move. */
export interface MigrateSlotsOptions extends WaitOptions {
  /** Pause after every step, in ms. Default 0. */
  pauseMs?: number | undefined;
  /** Keys of one MIGRATE. Default 100. */
  keysPerStep?: number | undefined;
}

interface LocalRoute {
  readonly from: LocalNode;
  readonly to: LocalNode;
}

/** Moves one slot after the other, key by key. */
export async function migrateKeyByKey(
  slots: Iterable<number | SlotRange>,
  { from, to }: LocalRoute,
  begin: (slot: number) => Promise<SlotMigration>,
  running: () => readonly LocalNode[],
  { pauseMs = 0, keysPerStep = 100, ...wait }: MigrateSlotsOptions,
): Promise<void> {
  const list = slotsAndRanges(slots);
  await untilEpochIsKnown(from, to, wait);
  for (const slot of list) {
    wait.signal?.throwIfAborted();
    const migration = await begin(slot);
    while ((await migration.moveKeys({ limit: keysPerStep })) > 0) await delay(pauseMs);
    await migration.finish();
  }
  await untilOwnerIsKnown(list, to, running, wait);
}

const CALLS: JobCalls<LocalNode> = {
  repeatOnNode: (node, name, words) => node.connection.call(name, ...words),
  sendToNode: (node, words) => node.connection.call('CLUSTER', ...words),
};

/** Moves all slots in one step. @throws UnsupportedServerFeatureError; SlotMigrationError */
export async function migrateAtomically(
  slots: Iterable<number | SlotRange>,
  route: LocalRoute,
  running: () => readonly LocalNode[],
  wait: WaitOptions,
): Promise<void> {
  const list = slotsAndRanges(slots);
  const jobs = await AtomicJobs.between(CALLS, route);
  if (jobs === undefined)
    throw new UnsupportedServerFeatureError('migrateSlotsAtomically', 'Redis 8.4 or Valkey 9');
  await untilEpochIsKnown(route.from, route.to, wait);
  for (let left = list; left.length > 0;) {
    const moved = new Set(await jobs.move(left, wait.signal));
    left = left.filter((slot) => !moved.has(slot));
  }
  await untilOwnerIsKnown(list, route.to, running, wait);
}
