import { describeValue } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { monotonicMs } from '../../cluster/common/timers.js';
import { scanPageOfCluster, stuck, type ScanPosition } from './cluster-scan-page.js';
import type { ScanSource } from './scan-source.js';
import { SlotSet } from './slot-set.js';

/** Options of a walk over keys or elements. */
export interface ScanOptions {
  /** Glob pattern. */
  match?: string | undefined;
  /**
   * How many elements the server examines per round trip, approximately. A larger count is faster and blocks
   * the server longer.
   */
  count?: number | undefined;
}

/** Options of a walk over all keys. */
export interface KeyScanOptions extends ScanOptions {
  /** Returns only keys of this type (`string`, `hash`, …). */
  type?: string | undefined;
}

/**
 * Walks over all keys of the cluster, page by page. A key that exists throughout is returned at least once,
 * even while slots move.
 *
 * A slot counts as walked only if one node owned it, without handing it over, from the start of the walk to its
 * end. The node's epoch shows whether the slot was elsewhere in between. Remaining slots are walked again. A
 * slot that is being handed over is walked on both sides, the giver first, as keys only move that way. One case
 * is invisible afterwards: a migration that was started and cancelled in between. Keys that left and came back
 * behind the cursor are missed.
 *
 * @throws TopologyError if there is no progress for `deadlineMs`: no node replies, or slots keep moving
 */
export async function* scanCluster(
  source: ScanSource,
  options: KeyScanOptions,
): AsyncGenerator<Buffer[], void, undefined> {
  const words = scanWords(options);
  let position: ScanPosition = { left: SlotSet.all() };
  let fruitlessSince: number | undefined;
  for (;;) {
    const { keys, next } = await scanPageOfCluster(source, words, position);
    if (keys.length > 0) yield keys;
    if (next === undefined) return;
    if (next.left !== position.left && next.left.size < position.left.size) fruitlessSince = undefined;
    else if (next.walk === undefined) {
      // a node was walked to its end, and none of its slots count
      fruitlessSince ??= monotonicMs();
      if (monotonicMs() - fruitlessSince > source.deadlineMs)
        throw stuck(next.left.size, source.deadlineMs, undefined);
    }
    position = next;
  }
}

/**
 * The names include options of Node's streams: callers of ioredis' scan streams may pass them. They have no
 * effect.
 */
const SCAN_OPTIONS = ['match', 'count', 'type', 'objectMode', 'highWaterMark'];

/** Returns the arguments of SCAN, HSCAN, SSCAN and ZSCAN after the cursor. @throws InvalidArgumentError */
export function scanWords(options: KeyScanOptions): string[] {
  checkOptionNames('a scan', options, SCAN_OPTIONS);
  const { match, count, type } = options;
  const words: string[] = [];
  if (match !== undefined) words.push('MATCH', match);
  if (count !== undefined) {
    if (!Number.isInteger(count) || count < 1) {
      throw new InvalidArgumentError(
        'count',
        `count must be a whole number of at least 1, got ${describeValue(count)}`,
      );
    }
    words.push('COUNT', String(count));
  }
  if (type !== undefined) words.push('TYPE', type);
  return words;
}
