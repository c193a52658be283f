import { nowOf } from '../common/entity-client.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkObject } from '../common/argument-checks.js';
import type { CollectionCall } from '../collections/collection-call.js';
import { collectionOf, handleOf } from '../collections/collection-handles.js';
import { counterStep } from '../rows/counter.js';
import type { TransactionContext } from './transaction-context.js';
import { CrossPartitionError } from '../common/entity-errors.js';
import { type EntityKey, entityKey, entityKeyIn, keyOfEntity } from '../keys/entity-key.js';
import { emittedEvent } from './emitted-event.js';
import type { EmittedEvent } from '../operations/outbox.js';
import type { PartitionTransaction } from './partition-transaction.js';
import { type QueryPlan, isGlobalWhere, planQuery } from '../planning/query-plan.js';
import { deletionOf, isDeleted } from '../schema/deletion-schema.js';
import type { QueryGuard } from '../operations/row-operation.js';
import type { OpenTransaction } from '../rows/entity-tracker.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { loadRow } from '../rows/row-reader.js';
import type { CollectionNames, CounterOf, EntityClass, KeyOf } from '../decorators/shape.js';
import {
  RecordedCollection,
  type TransactionCollection,
  type TransactionCollections,
} from './transaction-collections.js';
import { commitTransaction, haveReadsChanged } from './transaction-commit.js';
import { inOrder, isFound, readQuery } from './transaction-query.js';
import type { OrderOptions } from '../query/query-options.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import type { WriteOptions } from '../common/write-options.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { fillId } from '../commit/write-planner.js';
import type { TransactionRead, TransactionWrite, TransactionIncrement } from './transaction-record.js';

/** The writes of a row's collections, while they are recorded. */
type RecordedCollections = TransactionCollections & { readonly collected: Map<string, CollectionCall[]> };

/** One run of a transaction's function. Records what it reads and writes. */
export class TransactionAttempt implements PartitionTransaction, OpenTransaction {
  // All maps are by the key of the row.
  private readonly reads = new Map<string, Promise<TransactionRead>>();
  private readonly writes = new Map<string, TransactionWrite>();
  private readonly increments = new Map<string, TransactionIncrement>();
  private readonly collections = new Map<string, RecordedCollections>();
  private readonly queries: QueryGuard[] = [];
  private readonly events: EmittedEvent[] = [];
  private ended = false;

  /** Whether the function is running. */
  get isOpen(): boolean {
    return !this.ended;
  }

  constructor(
    private readonly context: TransactionContext,
    private readonly tag: string,
  ) {}

  async get<E extends object>(type: EntityClass<E>, given: KeyOf<E>): Promise<E | null> {
    const mapper = this.context.schemas.mapper(type);
    const key = this.inPartition(mapper.schema, entityKey(mapper.schema, given));
    const write = this.writes.get(key.row);
    if (write)
      return write.kind === 'remove' || isDeleted(mapper.schema, write.entity) ? null : (write.entity as E);
    const { row } = await this.readOnce(mapper, key);
    return entityIn({ mapper, row }) as E | null;
  }

  async find<E extends object>(
    type: EntityClass<E>,
    where: object,
    options: OrderOptions<E> = {},
  ): Promise<E[]> {
    checkEntityOptions('tx.find()', options);
    const mapper = this.context.schemas.mapper(type);
    if (isGlobalWhere(mapper.schema, where))
      throw new CrossPartitionError(this.tag, mapper.schema.name, undefined, 'A query on a global index');
    const plan = planQuery(mapper.schema, where, options);
    if (plan.tag !== this.tag)
      throw new CrossPartitionError(this.tag, mapper.schema.name, undefined, 'A query');
    this.checkOpen();
    const { idTexts, guards } = await readQuery(this.context, mapper, plan);
    this.queries.push(...guards);
    const stored = idTexts.map((idText) => entityKeyIn(mapper.schema, plan.tag, idText));
    const found = await Promise.all(
      stored.map(async (key) => ({ key, entity: entityIn(await this.readOnce(mapper, key)) })),
    );
    const isCovered = plan.sources.every((source) => source.isCovered);
    const entities = found.flatMap(({ key, entity }) =>
      entity && !this.writes.has(key.row) && (isCovered || isFound(plan, entity)) ? [entity] : [],
    );
    const written = this.writtenTo(mapper, plan);
    const all = [...entities, ...written] as E[];
    if (written.length === 0 && plan.sources.length <= 1)
      return plan.direction === 'desc' ? all.reverse() : all; // as the index has them
    return inOrder(plan, all, (entity) => keyOfEntity(mapper.schema, entity).idText);
  }

  save(entity: object): void {
    this.write('save', entity);
  }

  insert(entity: object): void {
    this.write('insert', entity);
  }

  remove(entity: object): void {
    this.write('remove', entity);
  }

  softRemove(entity: object): void {
    checkObject('entity', entity);
    const { schema } = this.context.schemas.mapperOf(entity);
    const { property } = deletionOf(schema);
    if (!this.context.entities.of(entity))
      throw new InvalidArgumentError(
        'entity',
        `This ${schema.name} was not loaded by this registry: load it first, with tx.get() or tx.find()`,
      );
    this.write('save', entity);
    if (!isDeleted(schema, entity)) Reflect.set(entity, property, new Date(nowOf(this.context.client)));
  }

  async restore<E extends object>(type: EntityClass<E>, given: KeyOf<E>): Promise<E | null> {
    const mapper = this.context.schemas.mapper(type);
    const { property } = deletionOf(mapper.schema);
    const key = this.inPartition(mapper.schema, entityKey(mapper.schema, given));
    const write = this.writes.get(key.row);
    if (write?.kind === 'remove') return null;
    const entity = write ? write.entity : (await this.readOnce(mapper, key)).row?.entity;
    if (!entity || !isDeleted(mapper.schema, entity)) return null;
    this.write('save', entity);
    Reflect.set(entity, property, undefined);
    return entity as E;
  }

  increment<E extends object>(
    type: EntityClass<E>,
    given: KeyOf<E>,
    counter: CounterOf<E>,
    by: number | bigint = 1,
  ): void {
    const mapper = this.context.schemas.mapper(type);
    const key = this.inPartition(mapper.schema, entityKey(mapper.schema, given));
    const increment = this.increments.get(key.row) ?? { mapper, key, steps: new Map<string, bigint>() };
    const step = counterStep(mapper.schema, counter, by) + (increment.steps.get(counter) ?? 0n);
    increment.steps.set(counter, counterStep(mapper.schema, counter, step));
    this.increments.set(key.row, increment);
  }

  collection<E extends object, Name extends CollectionNames<E>>(
    type: EntityClass<E>,
    given: KeyOf<E>,
    name: Name,
  ): TransactionCollection<NonNullable<E[Name]>> {
    const mapper = this.context.schemas.mapper(type);
    const key = this.inPartition(mapper.schema, entityKey(mapper.schema, given));
    const collection = collectionOf(mapper.schema, name);
    const record = (calls: readonly CollectionCall[]): void => {
      this.checkOpen();
      const recorded = this.collections.get(key.row) ?? { mapper, key, collected: new Map() };
      recorded.collected.set(name, [...(recorded.collected.get(name) ?? []), ...calls]);
      if (calls.length > 0) this.collections.set(key.row, recorded);
    };
    const access = new RecordedCollection(() => ({ schema: mapper.schema, collection, key }), record);
    return handleOf(collection, access) as TransactionCollection<NonNullable<E[Name]>>;
  }

  emit(type: string, payload?: unknown): void {
    this.checkOpen();
    this.events.push(emittedEvent(this.context.schemas.inPartition(this.tag), type, payload));
  }

  /**
   * Commits the recorded writes.
   *
   * @returns false if a read has changed since; nothing was written then.
   */
  async commit(options: WriteOptions): Promise<boolean> {
    this.ended = true;
    const { context, tag, queries, writes, increments, collections, events } = this;
    const record = { reads: await this.settledReads(), queries, writes, increments, collections, events };
    return commitTransaction(context, tag, record, options);
  }

  /** Returns whether the function, which failed, may have read rows that never existed at the same moment. */
  async isStale(): Promise<boolean> {
    this.ended = true;
    if (this.queries.length === 0 && this.reads.size < 2) return false;
    return haveReadsChanged(this.context, { reads: await this.settledReads(), queries: this.queries });
  }

  private async settledReads(): Promise<Map<string, TransactionRead>> {
    const reads = await Promise.all(this.reads.values());
    return new Map(reads.map((read) => [read.key.row, read]));
  }

  /** Returns the entities that this transaction writes and a query would find. */
  private writtenTo({ schema }: RowMapper, plan: QueryPlan): object[] {
    const writes = [...this.writes.values()].filter(
      ({ kind, mapper, entity }) =>
        kind !== 'remove' && mapper.schema === schema && !isDeleted(schema, entity) && isFound(plan, entity),
    );
    return writes.map(({ entity }) => entity);
  }

  private readOnce(mapper: RowMapper, key: EntityKey): Promise<TransactionRead> {
    let read = this.reads.get(key.row);
    if (!read) this.reads.set(key.row, (read = this.read(mapper, key)));
    return read;
  }

  private async read(mapper: RowMapper, key: EntityKey): Promise<TransactionRead> {
    // Deleted rows are read too, because their versions are part of what the commit checks.
    const row = await loadRow(this.context, mapper, key, 'included');
    if (row) this.context.entities.join(row.entity, this);
    return { mapper, key, row };
  }

  private write(kind: TransactionWrite['kind'], entity: object): void {
    checkObject('entity', entity);
    const mapper = this.context.schemas.mapperOf(entity);
    if (kind !== 'remove') fillId(mapper, entity);
    const { row } = this.inPartition(mapper.schema, keyOfEntity(mapper.schema, entity));
    const earlier = this.writes.get(row);
    if (!earlier) {
      this.writes.set(row, { kind, mapper, entity });
      this.context.entities.join(entity, this);
      return;
    }
    if (earlier.entity !== entity || earlier.kind === 'remove')
      throw new InvalidArgumentError('entity', `${row} is written by two objects, or after it was removed`);
    if (kind !== 'remove') return; // recorded already; written once, as it is at the end
    this.writes.delete(row);
    if (this.context.entities.of(entity)) this.writes.set(row, { kind, mapper, entity });
  }

  private checkOpen(): void {
    if (this.ended)
      throw new InvalidArgumentError(
        'tx',
        'The transaction has ended; check its function for a missing await',
      );
  }

  private inPartition({ name }: EntitySchema, key: EntityKey): EntityKey {
    this.checkOpen();
    if (key.tag !== this.tag) throw new CrossPartitionError(this.tag, name, key.row);
    return key;
  }
}

/** Returns the entity of a read, null if there is none or it is deleted softly. */
const entityIn = ({ mapper, row }: Pick<TransactionRead, 'mapper' | 'row'>): object | null =>
  row && !isDeleted(mapper.schema, row.entity) ? row.entity : null;
