import { suggestionFor } from '../../cluster/common/check-option-names.js';
import { escapeGlob } from '../../cluster/common/escape-glob.js';
import { RECORD_FIELDS, TAG_PREFIXES } from '../../entity/keys/stored-names.js';
import type { SchemaDefinition } from '../../entity/records/schema-definition.js';
import { UsageError } from '../common/usage-error.js';
import type { EntityKeyspace } from './entity-connection.js';

/** An entity, by its schema record. */
export interface StoredEntity {
  readonly name: string;
  /** The entity that owns the partitions; its own name if it does. */
  readonly owner: string;
  readonly definition: SchemaDefinition;
}

const SCAN_COUNT = 1_000;

/** Why no entities are known. */
export const NO_RECORDS =
  'The cluster has no schema records. ClusterModule writes them when an application starts; without Nest, ' +
  'checkSchemas() does. Is there a keyPrefix (--prefix)?';

/** Reads the schema record of an entity. @throws UsageError if there is none, with those that there are */
export async function readEntity(keyspace: EntityKeyspace, name: string): Promise<StoredEntity> {
  const { client, prefix } = keyspace;
  const text = await client.hget(`${prefix}{${TAG_PREFIXES.record}${name}}`, RECORD_FIELDS.definition);
  if (text !== null) {
    const definition = JSON.parse(text) as SchemaDefinition;
    return { name, owner: definition.partition, definition };
  }
  const names = await entityNames(keyspace);
  const known = names.length === 0 ? NO_RECORDS : `Known are ${names.join(', ')}`;
  throw new UsageError(`There is no entity ${name}${suggestionFor(name, names)}. ${known}`);
}

/** Returns the names of all entities that have a schema record. */
export async function entityNames({ client, prefix }: EntityKeyspace): Promise<string[]> {
  const start = `${prefix}{${TAG_PREFIXES.record}`;
  const names = new Set<string>();
  for await (const key of client.scanIterator({
    match: `${escapeGlob(start)}*}`,
    type: 'hash',
    count: SCAN_COUNT,
  }))
    names.add(key.slice(start.length, -1));
  return [...names].toSorted();
}
