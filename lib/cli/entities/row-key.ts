import { escapeGlob } from '../../cluster/common/escape-glob.js';
import { escapeId } from '../../entity/keys/entity-key.js';
import { UsageError } from '../common/usage-error.js';
import type { EntityKeyspace } from './entity-connection.js';
import type { StoredEntity } from './stored-entity.js';

/** Where a row is. */
export interface RowKey {
  /** The id of the owner of its partition; the row's own id if it is the owner. */
  readonly partition: string;
  readonly id: string;
  /** The Redis key, with the prefix. */
  readonly key: string;
}

/** An id in a key has none of these characters; see `escapeId`. */
const ID = '([^{}:~]+)';
const SCAN_COUNT = 1_000;

/**
 * Returns the key of a row from the words of a command line: the id; that of the partition and that of the row; or the
 * Redis key.
 * @throws UsageError
 */
export function rowKeyFrom(entity: StoredEntity, words: readonly string[], prefix: string): RowKey {
  const { name, owner } = entity;
  const [first, second] = words;
  const given = parseRowKey(entity, first, prefix);
  if (given !== undefined && second === undefined) return given;
  if (name === owner) {
    if (second === undefined) return rowKey(entity, first, first, prefix);
    throw new UsageError(`A row of ${name} has one id, got ${words.length}`);
  }
  if (second !== undefined) return rowKey(entity, first, second, prefix);
  throw new UsageError(
    `A row of ${name} is part of a partition of ${owner}: give the id of the ${owner}, then that of the ${name}`,
  );
}

function rowKey({ name, owner }: StoredEntity, partition: string, id: string, prefix: string): RowKey {
  return { partition, id, key: `${prefix}{${owner}:${escapeId(partition)}}:${name}:${escapeId(id)}` };
}

/** Returns what a Redis key says; undefined if it is no key of such a row. */
export function parseRowKey(entity: StoredEntity, key: string, prefix: string): RowKey | undefined {
  if (!key.startsWith(prefix)) return undefined;
  const { name, owner } = entity;
  const literal = (text: string): string => text.replaceAll('.', '\\.');
  const pattern = new RegExp(`^\\{${literal(owner)}:${ID}\\}:${literal(name)}:${ID}$`);
  const match = pattern.exec(key.slice(prefix.length));
  if (match === null || (name === owner && match[1] !== match[2])) return undefined;
  return { partition: unescaped(match[1]), id: unescaped(match[2]), key };
}

/** Yields the rows of an entity, each once, in no order. */
export async function* rowsOf(
  entity: StoredEntity,
  { client, prefix }: EntityKeyspace,
): AsyncGenerator<RowKey> {
  const { name, owner } = entity;
  const match = `${escapeGlob(prefix)}{${owner}:*}:${name}:*`;
  const yielded = new Set<string>();
  for await (const key of client.scanIterator({ match, type: 'hash', count: SCAN_COUNT })) {
    const row = yielded.has(key) ? undefined : parseRowKey(entity, key, prefix);
    if (row === undefined) continue;
    yielded.add(key);
    yield row;
  }
}

function unescaped(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id; // of another program
  }
}
