import type { ResponsePolicy } from './command-policies.js';

type Merge = (replies: ReadonlyMap<string, unknown>) => unknown;

/** How the replies of several nodes become one; see `ResponsePolicy`. */
const MERGES: Readonly<Record<ResponsePolicy, Merge>> = {
  single: first,
  allSucceeded: first,
  oneSucceeded: first,
  sum: folded((a, b) => a + b),
  min: folded(Math.min),
  max: folded(Math.max),
  logicalAnd: folded((a, b) => (a && b ? 1 : 0)),
  logicalOr: folded((a, b) => (a || b ? 1 : 0)),
  concatenate: (replies) => [...replies.values()].flat(1),
  union: (replies) => unique([...replies.values()].flat(1)),
  sumByName,
  anyNonNull: (replies) => [...replies.values()].find((reply) => reply !== null) ?? null,
  byNode: (replies) => replies,
};

/** Merges the replies of nodes, by node name; there is at least one. */
export function mergeReplies(policy: ResponsePolicy, replies: ReadonlyMap<string, unknown>): unknown {
  return MERGES[policy](replies);
}

function first(replies: ReadonlyMap<string, unknown>): unknown {
  return replies.values().next().value;
}

function folded(fold: (a: number, b: number) => number): Merge {
  const both = (a: unknown, b: unknown): unknown =>
    Array.isArray(a) && Array.isArray(b)
      ? a.map((item, i) => fold(Number(item), Number(b[i])))
      : fold(Number(a), Number(b));
  return (replies) => [...replies.values()].reduce(both);
}

/** Removes duplicates. Buffers are compared by their bytes, so keys read as Buffers also count once. */
function unique(items: unknown[]): unknown[] {
  const byContent = new Map(
    items.map((item) => [Buffer.isBuffer(item) ? item.toString('latin1') : item, item]),
  );
  return [...byContent.values()];
}

function sumByName(replies: ReadonlyMap<string, unknown>): unknown {
  const sums = new Map<unknown, { name: unknown; sum: number }>();
  for (const reply of replies.values()) {
    if (!Array.isArray(reply)) continue;
    for (let i = 0; i + 1 < reply.length; i += 2) {
      const name: unknown = reply[i];
      const key = Buffer.isBuffer(name) ? name.toString('latin1') : name;
      const known = sums.get(key);
      if (known === undefined) sums.set(key, { name, sum: Number(reply[i + 1]) });
      else known.sum += Number(reply[i + 1]);
    }
  }
  return [...sums.values()].flatMap(({ name, sum }) => [name, sum]);
}
