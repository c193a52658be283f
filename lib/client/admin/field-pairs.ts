import type { Reply } from '../../cluster/protocol/reply.js';

/** A reply of names and values in turn, as a Map. */
export function fieldsOf(reply: Reply): Map<string, Reply> {
  const items = Array.isArray(reply) ? reply : [];
  return new Map(
    Array.from({ length: items.length >> 1 }, (_, i) => [String(items[2 * i]), items[2 * i + 1]]),
  );
}

/** The elements of a reply that should be a list. */
export const listOf = (reply: Reply | undefined): Reply[] => (Array.isArray(reply) ? reply : []);

/** Text, undefined for what is null, empty or not there. */
export const textOf = (reply: Reply | undefined): string | undefined =>
  typeof reply === 'string' && reply !== '' ? reply : undefined;
