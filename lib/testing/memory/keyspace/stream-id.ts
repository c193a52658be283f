/** The id of an entry of a stream: milliseconds since 1970, and a number among those of one millisecond. */
export type StreamId = readonly [ms: bigint, sequence: bigint];

export const LOWEST_ID: StreamId = [0n, 0n];
export const HIGHEST_ID: StreamId = [2n ** 64n - 1n, 2n ** 64n - 1n];

/** Returns an id as text, such as `1700000000000-0`. */
export const formatId = ([ms, sequence]: StreamId): string => `${ms}-${sequence}`;

/**
 * Reads an id. An id without its second number has `sequence` there.
 *
 * @returns undefined if the text is no id.
 */
export function parseId(text: string, sequence: bigint): StreamId | undefined {
  const match = /^(\d{1,20})(?:-(\d{1,20}))?$/.exec(text);
  if (!match) return undefined;
  const id: StreamId = [BigInt(match[1]), match[2] === undefined ? sequence : BigInt(match[2])];
  return id.every((part) => part <= HIGHEST_ID[0]) ? id : undefined;
}

/** Returns whether the first id is greater than the second. */
export function isAfter([ms, sequence]: StreamId, [otherMs, otherSequence]: StreamId): boolean {
  return ms > otherMs || (ms === otherMs && sequence > otherSequence);
}

/** Returns the smallest id that is greater. */
export function nextId([ms, sequence]: StreamId): StreamId {
  return sequence === HIGHEST_ID[1] ? [ms + 1n, 0n] : [ms, sequence + 1n];
}
