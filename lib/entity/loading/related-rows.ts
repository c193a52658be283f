import type { EntityClient } from '../common/entity-client.js';
import { type EntityKey, entityKeyIn, escapeId, indexKey } from '../keys/entity-key.js';
import { CLOSED, OPEN, idTextOf } from '../keys/index-entry.js';
import { type RelatedRange, relatedRange } from '../keys/related-range.js';
import { IndexReader } from '../query/index-reader.js';
import type { RowMapper } from '../rows/row-mapper.js';
import type { Fields } from '../rows/row-reader.js';
import { fieldOf, fieldsOf } from '../rows/stored-row.js';
import type { Stored } from '../codec/codec.js';
import type { RelationSchema } from '../schema/relation-schema.js';

/** A relation that is to be loaded, and the class it leads to. */
export interface RelationPlan {
  readonly relation: RelationSchema;
  readonly related: RowMapper;
  /** The fields of a row that may hold the id of the related one: the first that it has counts. */
  readonly idFields: readonly string[];
}

/** A related row, as it is stored. */
export interface RelatedRow {
  readonly key: EntityKey;
  readonly fields: Fields;
}

/** How the related rows of one row are found, and read from an answer or by plain commands. */
export interface RelationReader {
  /** The key, and the kind with its two arguments, for the script. */
  readonly key: string;
  readonly args: readonly [kind: string, from: Stored, to: Stored];
  /** The part of the index that lists the rows; absent for a single row. */
  readonly listed?: RelatedRange;
  fromAnswer(answer: readonly unknown[]): RelatedRow[];
  /**
   * Returns the keys of the related rows.
   *
   * @param limit how many are returned at most.
   */
  keysOf(client: EntityClient, row: Fields, limit: number): Promise<EntityKey[]>;
}

/** Returns how the rows of a relation are read for the row with this key. */
export function relationReader(
  { relation, related, idFields }: RelationPlan,
  key: EntityKey,
): RelationReader {
  if (relation.kind === 'rows') return rowsReader(relation, related, key);
  return relation.by === undefined ? ownerReader(related, key) : rowReader(idFields, related, key);
}

function rowsReader(relation: RelationSchema, { schema }: RowMapper, key: EntityKey): RelationReader {
  const listed = relatedRange(relation, schema, key);
  const { from, to } = listed.range;
  return {
    key: listed.key,
    args: ['rows', Buffer.concat([CLOSED, from]), Buffer.concat([OPEN, to])],
    listed,
    fromAnswer(answer) {
      const rows: RelatedRow[] = [];
      for (let i = 0; i + 1 < answer.length; i += 2)
        rows.push({
          key: entityKeyIn(schema, key.tag, (answer[i] as Buffer).toString()),
          fields: fieldsOf(answer[i + 1] as Buffer[]),
        });
      return rows;
    },
    async keysOf(client, _row, limit) {
      const entries = await new IndexReader(client, listed.key, [listed.range]).entries(limit);
      return entries.map((entry) => entityKeyIn(schema, key.tag, idTextOf(entry)));
    },
  };
}

function ownerReader({ schema }: RowMapper, { tag }: EntityKey): RelationReader {
  const key = entityKeyIn(schema, tag, tag.slice(schema.partitionName.length + 2, -1));
  return {
    key: key.row,
    args: ['row', '', ''],
    fromAnswer: (answer) => [{ key, fields: fieldsOf(answer as Buffer[]) }],
    keysOf: () => Promise.resolve([key]),
  };
}

function rowReader(idFields: readonly string[], { schema }: RowMapper, { tag }: EntityKey): RelationReader {
  return {
    key: indexKey(schema, tag),
    args: ['by', idFields.join('\0'), ''],
    fromAnswer([id, pairs]) {
      if (id === undefined) return [];
      const key = entityKeyIn(schema, tag, (id as Buffer).toString());
      return [{ key, fields: fieldsOf(pairs as Buffer[]) }];
    },
    keysOf(_client, row) {
      const id = idFields.map((field) => fieldOf(row, field)?.toString()).find((text) => text !== undefined);
      return Promise.resolve(id === undefined ? [] : [entityKeyIn(schema, tag, escapeId(id))]);
    },
  };
}
