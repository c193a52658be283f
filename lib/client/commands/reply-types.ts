import type { ResolvedClusterOptions } from '../../cluster/options/options.js';
import { changeLeaves } from '../../cluster/protocol/reply.js';

/** Of which types replies are, where that is not as in RESP2. */
export interface ReplyTypes {
  /** Maps, doubles and booleans as objects, numbers and booleans. */
  readonly native: boolean;
  /** Numbers as text. */
  readonly text: boolean;
}

/** What the options of a client ask for; undefined where replies are those of RESP2. */
export function replyTypesOf({
  replyMapping,
  stringNumbers,
}: Pick<ResolvedClusterOptions, 'replyMapping' | 'stringNumbers'>): ReplyTypes | undefined {
  const native = replyMapping === 'resp3';
  return native || stringNumbers ? { native, text: stringNumbers } : undefined;
}

/** A reply in which every number is its text, as Redis writes it. */
export function numbersAsText(reply: unknown): unknown {
  return changeLeaves(reply, (leaf) => {
    if (typeof leaf === 'bigint') return String(leaf);
    return typeof leaf === 'number' ? textOf(leaf) : leaf;
  });
}

function textOf(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}
