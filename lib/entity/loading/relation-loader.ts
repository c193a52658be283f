import { InvalidArgumentError, ReplyError } from '../../cluster/common/errors.js';
import { checkList } from '../common/argument-checks.js';
import type { EntityClient } from '../common/entity-client.js';
import { TransactionTooLargeError } from '../common/entity-errors.js';
import type { EntityKey } from '../keys/entity-key.js';
import { relatingIndex } from '../keys/related-range.js';
import type { SweepPartition } from '../query/expiry-queue.js';
import { MAX_LOADED_ROWS } from '../query/partition-loader.js';
import type { SchemaRecords } from '../records/schema-records.js';
import { showRelated } from '../schema/relation-values.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { RelationSchema } from '../schema/relation-schema.js';
import type { RowMapper } from '../rows/row-mapper.js';
import {
  type DeletedRows,
  type Fields,
  type RowContext,
  rememberRow,
  runLoadHooks,
} from '../rows/row-reader.js';
import { fieldsOf } from '../rows/stored-row.js';
import type { SchemaRegistry } from '../rows/schema-registry.js';
import { type RelatedRow, type RelationPlan, type RelationReader, relationReader } from './related-rows.js';
import { RELATION_SCRIPT } from './relation-script.js';

/** The parts that relations are loaded with. */
interface RelationContext extends RowContext {
  readonly schemas: SchemaRegistry;
  readonly records: SchemaRecords;
  readonly sweepPartition: SweepPartition;
}

/** A row and the rows of its relations, in the order in which they were asked for. */
interface RowWithRelated {
  readonly fields: Fields;
  readonly related: readonly RelatedRow[][];
}

/**
 * Loads rows with relations, in one round trip per node. Each row is read together with its related rows.
 *
 * @returns the entities in the order of the keys, null for a missing row.
 * @throws TransactionTooLargeError if a row has more than 1,000 related rows.
 */
export async function loadWithRelations(
  context: RelationContext,
  mapper: RowMapper,
  keys: readonly EntityKey[],
  names: readonly string[],
  deleted: DeletedRows = 'left out',
): Promise<(object | null)[]> {
  const plans = plansOf(context, mapper, names);
  await Promise.all(plans.map((plan) => assertReady(context, plan)));
  // Scripts that are sent in one turn of the event loop leave in one write per node.
  const rows = await Promise.all(keys.map((key) => readRow(context, mapper, plans, key)));
  const loaded = plans.map((): object[] => []);
  const entities = rows.map(({ fields, related }, i) => {
    const entity = rememberRow(context, mapper, keys[i], fields, deleted)?.entity ?? null;
    if (!entity) return null;
    for (const [at, plan] of plans.entries()) {
      const found = related[at].flatMap(
        (one) => rememberRow(context, plan.related, one.key, one.fields)?.entity ?? [],
      );
      loaded[at].push(...found);
      const { kind, property } = plan.relation;
      showRelated(
        mapper.schema,
        entity,
        property,
        kind === 'row' ? (found[0] ?? null) : Object.freeze(found),
      );
    }
    return entity;
  });
  await Promise.all(plans.map(({ related }, at) => runLoadHooks(related, loaded[at])));
  await runLoadHooks(mapper, entities);
  return entities;
}

function plansOf(
  { schemas }: RelationContext,
  { schema }: RowMapper,
  names: readonly string[],
): RelationPlan[] {
  checkList('with', names);
  return [...new Set(names)].map((name) => {
    const relation = schema.relations.find(({ property }) => property === name);
    if (relation)
      return { relation, related: schemas.mapper(relation.type), idFields: idFieldsOf(schema, relation) };
    const known = schema.relations.map(({ property }) => property).join(', ') || 'none';
    throw new InvalidArgumentError(
      'with',
      `${schema.name} has no relation '${String(name)}'; its relations: ${known}`,
    );
  });
}

/** Returns the fields that may hold the id of the related row: former names first, as when the property is read. */
const idFieldsOf = ({ fields }: EntitySchema, { by }: RelationSchema): string[] => {
  const field = fields.find(({ property }) => property === by);
  return field ? [...(field.former ?? []).map(({ name }) => name), field.property] : [];
};

async function assertReady(
  { records }: RelationContext,
  { relation: { kind, by }, related: { schema } }: RelationPlan,
): Promise<void> {
  if (kind === 'rows' && by !== undefined) await records.assertReady(schema, relatingIndex(by, schema).name);
}

async function readRow(
  context: RelationContext,
  mapper: RowMapper,
  plans: readonly RelationPlan[],
  key: EntityKey,
): Promise<RowWithRelated> {
  const readers = plans.map((plan) => relationReader(plan, key));
  for (let isSwept = false; ; isSwept = true) {
    const read = await readAtOnce(context.client, readers, key);
    if (!('tooMany' in read)) return read;
    const { relation, related } = plans[read.tooMany];
    // Entries of expired rows do not count.
    if (!isSwept && (await context.sweepPartition(related.schema, key.tag)) > 0) continue;
    throw new TransactionTooLargeError(
      'rows or more',
      MAX_LOADED_ROWS + 1,
      MAX_LOADED_ROWS,
      `What ${mapper.schema.name}.${relation.property} and the other relations of the row show`,
      `read them in pages instead, with findPage() or stream() of ${related.schema.name}`,
    );
  }
}

interface TooMany {
  /** The place of the relation. */
  readonly tooMany: number;
}

async function readAtOnce(
  client: EntityClient,
  readers: readonly RelationReader[],
  key: EntityKey,
): Promise<RowWithRelated | TooMany> {
  const keys = [key.row, ...readers.map((reader) => reader.key)];
  const args = [String(MAX_LOADED_ROWS), ...readers.flatMap((reader) => reader.args)];
  let answer: unknown[];
  try {
    const runner = client.with({ retry: 'always' });
    answer = (await runner.runScript(RELATION_SCRIPT, keys, args, { buffers: true })) as unknown[];
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    return readPlainly(client, readers, key);
  }
  if (!Array.isArray(answer[0])) return { tooMany: Number(answer[1]) - 1 };
  const [row, ...related] = answer as Buffer[][];
  return {
    fields: fieldsOf(row),
    related: readers.map((reader, i) => reader.fromAnswer(related[i] ?? [])),
  };
}

/**
 * Reads the rows by plain commands, each at its own moment: some of them are being moved to another node, or the server
 * does not permit the script.
 */
async function readPlainly(
  client: EntityClient,
  readers: readonly RelationReader[],
  { row }: EntityKey,
): Promise<RowWithRelated | TooMany> {
  const fields = await client.hgetallBuffer(row);
  const keys = await Promise.all(readers.map((reader) => reader.keysOf(client, fields, MAX_LOADED_ROWS + 1)));
  let count = 0;
  const tooMany = keys.findIndex(({ length }) => (count += length) > MAX_LOADED_ROWS);
  if (tooMany >= 0) return { tooMany };
  const related = keys.map((those) =>
    Promise.all(those.map(async (key) => ({ key, fields: await client.hgetallBuffer(key.row) }))),
  );
  return { fields, related: await Promise.all(related) };
}
