import type { ResolvedClusterOptions } from '../../cluster/options/options.js';
import { changeLeaves } from '../../cluster/protocol/reply.js';

/** The types of replies that differ from RESP2. */
export interface ReplyTypes {
  /** Whether maps, doubles and booleans become objects, numbers and booleans. */
  readonly native: boolean;
  /** Whether numbers become text. */
  readonly text: boolean;
}

/** Returns the reply types that the options of a client select; undefined for those of RESP2. */
export function replyTypesOf({
  replyMapping,
  stringNumbers,
}: Pick<ResolvedClusterOptions, 'replyMapping' | 'stringNumbers'>): ReplyTypes | undefined {
  const native = replyMapping === 'resp3';
  return native || stringNumbers ? { native, text: stringNumbers } : undefined;
}

/** Returns a reply in which every number is text, as Redis writes it. */
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
