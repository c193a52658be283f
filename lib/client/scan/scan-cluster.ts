import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { monotonicMs } from '../../cluster/common/timers.js';
import { scanPageOfCluster, stuck, type ScanPosition } from './cluster-scan-page.js';
import type { ScanSource } from './scan-source.js';
import { SlotSet } from './slot-set.js';

/** What a walk over keys or elements may be told. */
export interface ScanOptions {
  /** Glob pattern. */
  match?: string | undefined;
  /** Elements a round trip looks at, about; more is faster and blocks the server longer. */
  count?: number | undefined;
}

/** What a walk over all keys may be told. */
export interface KeyScanOptions extends ScanOptions {
  /** Only keys of this type (`string`, `hash`, …). */
  type?: string | undefined;
}

/**
 * Walks over all keys of the cluster, a page at a time. A key that exists throughout is given at least once, whatever
 * the slots do meanwhile: a slot counts as walked only if one node owned it, and was not handing it over, from the
 * start of its walk to the end. That it was away in between is told by the node's epoch. What is left is walked
 * again; a slot that is being handed over is walked on both sides, the giving one first, as keys move that way only.
 * What no server tells of afterwards is a migration that was begun and given up in between: keys that went away and
 * came back behind the cursor are not given.
 *
 * @throws TopologyError where nothing gets on for `deadlineMs`
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
      // a node was walked to its end, and none of that counts
      fruitlessSince ??= monotonicMs();
      if (monotonicMs() - fruitlessSince > source.deadlineMs) throw stuck(next.left.size, undefined);
    }
    position = next;
  }
}

/** Those of Node's streams among them: callers of ioredis' scan streams may give some, and they change nothing here. */
const SCAN_OPTIONS = ['match', 'count', 'type', 'objectMode', 'highWaterMark'];

/** The words of SCAN and its sisters behind the cursor. @throws InvalidArgumentError */
export function scanWords(options: KeyScanOptions): string[] {
  checkOptionNames('a scan', options, SCAN_OPTIONS);
  const { match, count, type } = options;
  const words: string[] = [];
  if (match !== undefined) words.push('MATCH', match);
  if (count !== undefined) {
    if (!Number.isInteger(count) || count < 1) {
      throw new InvalidArgumentError('count', 'count must be a whole number of at least 1');
    }
    words.push('COUNT', String(count));
  }
  if (type !== undefined) words.push('TYPE', type);
  return words;
}
