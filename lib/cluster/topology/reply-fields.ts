import type { Reply } from '../protocol/reply.js';

/** Reads a reply of alternating names and values as a Map. */
export function fieldsOf(reply: Reply): Map<string, Reply> {
  const items = Array.isArray(reply) ? reply : [];
  return new Map(
    Array.from({ length: items.length >> 1 }, (_, i) => [String(items[2 * i]), items[2 * i + 1]]),
  );
}

/** Returns the elements of a reply that should be a list. */
export const listOf = (reply: Reply | undefined): Reply[] => (Array.isArray(reply) ? reply : []);

/** Returns the text of a reply; undefined if it is null, empty or missing. */
export const textOf = (reply: Reply | undefined): string | undefined =>
  typeof reply === 'string' && reply !== '' ? reply : undefined;
