import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkObject, checkWhole } from '../common/argument-checks.js';
import { PartitionKeyChangedError } from '../common/entity-errors.js';
import { type EntityKey, keyOfEntity } from '../keys/entity-key.js';
import { checkClass, checkCounters, shownCounters } from '../rows/entity-check.js';
import { hasCascades } from './cascades.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { idGenerator } from '../decorators/id-generators.js';
import type { EntityState, EntityTracker } from '../rows/entity-tracker.js';
import { withEntries } from './row-entries.js';
import { keptProperty, restoreKept } from '../rows/kept-time.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { assertNotDeletion } from '../schema/deletion-schema.js';
import type { RowOperation } from '../operations/row-operation.js';
import type { UpdateOptions } from '../operations/update-options.js';

/** The kinds of writes of an entity. */
export type WriteKind = 'insert' | 'save' | 'upsert' | 'remove';

/** The event of a write, for hooks. */
export type WriteEvent = 'insert' | 'update' | 'remove';

/** A write of an entity, ready to be committed. */
export interface PlannedWrite {
  readonly operation: RowOperation;
  readonly entity: object;
  /** The event for the entity's hooks. */
  readonly event: WriteEvent;
  /** Call this after the commit, with the version of the row, and the value that an upsert kept. */
  done(version: number, kept?: string): void;
}

/** Creates the operations that write rows, including their index changes. Nothing else should create any. */
export class WritePlanner {
  constructor(private readonly entities: EntityTracker) {}

  /** Runs the hooks before a write of an entity, then plans it. Returns undefined if there is nothing to write. */
  async prepare(kind: WriteKind, mapper: RowMapper, entity: object): Promise<PlannedWrite | undefined> {
    await this.announce(kind, mapper, entity);
    return this.plan(kind, mapper, entity);
  }

  /**
   * Runs the hooks before a write; none if nothing has changed. Returns undefined if there are no hooks to wait for,
   * so that writes called in the same tick are sent in order.
   */
  announce(kind: WriteKind, mapper: RowMapper, entity: object): Promise<void> | undefined {
    const { schema } = mapper;
    checkClass(mapper, entity);
    this.entities.assertNotJoined(schema, entity);
    if (schema.hooks.isEmpty) return undefined;
    const event = this.eventOf(kind, entity);
    if (kind === 'save' && event === 'update' && !this.save(mapper, entity)) return undefined; // without a change
    return schema.hooks.run(`before ${event}`, entity);
  }

  /** Plans a write of an entity. Later changes of the entity are left for the next write. */
  plan(kind: WriteKind, mapper: RowMapper, entity: object): PlannedWrite | undefined {
    return this[kind](mapper, entity);
  }

  private eventOf(kind: WriteKind, entity: object): WriteEvent {
    if (kind === 'insert' || kind === 'remove') return kind;
    return this.entities.of(entity) ? 'update' : 'insert';
  }

  /** Plans the insert of a row that must not exist. */
  insert(mapper: RowMapper, entity: object): PlannedWrite {
    checkCounters(mapper.schema, entity);
    fillId(mapper, entity);
    mapper.fillDefaults(entity);
    stampTimes(mapper, entity);
    const expireAt = this.stampExpiry(mapper, entity);
    const { set, snapshot } = mapper.changes(entity);
    const key = keyOfEntity(mapper.schema, entity);
    const operation: RowOperation = { schema: mapper.schema, key, mode: 'insert', set, expireAt };
    return {
      entity,
      event: 'insert',
      operation: withEntries(operation, entity),
      done: (version) => {
        for (const { property, bigint } of mapper.schema.counters)
          Reflect.set(entity, property, bigint ? 0n : 0);
        const counters = shownCounters(mapper.schema, entity);
        this.entities.written(mapper, entity, { key, version, snapshot, expiresAt: expireAt, counters });
      },
    };
  }

  /** Plans an insert if the entity is new, else an update of what has changed; undefined if nothing has. */
  save(mapper: RowMapper, entity: object): PlannedWrite | undefined {
    const state = this.entities.of(entity);
    if (!state) return this.insert(mapper, entity);
    if (state.counters) checkCounters(mapper.schema, entity, state.counters);
    const key = unchangedKey(mapper, entity, state);
    const expected = expectedVersion(mapper, entity, state);
    let changes = mapper.changes(entity, state.snapshot);
    const expiresAt = mapper.expiryOf(entity);
    const isExpiryDirty = mapper.schema.expiresAt !== undefined && expiresAt !== state.expiresAt;
    const isDirty = isExpiryDirty || changes.set.length + changes.removed.length > 0;
    if (!isDirty && expected === state.version) return undefined;
    if (isDirty && mapper.schema.updatedAt) {
      stampTimes(mapper, entity);
      changes = mapper.changes(entity, state.snapshot);
    }
    const { set, removed, snapshot } = changes;
    const operation: RowOperation = {
      schema: mapper.schema,
      key,
      mode: 'update',
      expected,
      set,
      removed,
      expireAt: isExpiryDirty ? (expiresAt ?? null) : undefined,
    };
    return this.planned(mapper, entity, operation, { snapshot, expiresAt, counters: state.counters });
  }

  /** Plans a write of the whole row, whether or not it exists. */
  upsert(mapper: RowMapper, entity: object): PlannedWrite {
    const state = this.entities.of(entity);
    if (!state) {
      fillId(mapper, entity);
      mapper.fillDefaults(entity);
    }
    const kept = keptProperty(mapper.schema, entity);
    stampTimes(mapper, entity);
    const key = state ? unchangedKey(mapper, entity, state) : keyOfEntity(mapper.schema, entity);
    const expiresAt = this.stampExpiry(mapper, entity);
    const expireAt = expiresAt ?? (mapper.schema.expiresAt ? null : undefined);
    const { set, removed, snapshot } = mapper.changes(entity);
    const operation: RowOperation = {
      schema: mapper.schema,
      key,
      mode: 'upsert',
      set,
      removed,
      expireAt,
      kept,
    };
    const counters = shownCounters(mapper.schema, entity); // those of the row are not known
    const write = this.planned(mapper, entity, operation, { snapshot, expiresAt, counters });
    if (kept === undefined) return write;
    const done = (version: number, text?: string): void => {
      if (text !== undefined) restoreKept(mapper.schema, entity, snapshot, text);
      write.done(version);
    };
    return { ...write, done };
  }

  /** Plans the delete of a row that has not changed since the entity was loaded. */
  remove(mapper: RowMapper, entity: object): PlannedWrite {
    const state = this.entities.of(entity);
    if (!state)
      throw new InvalidArgumentError(
        'entity',
        `This ${mapper.schema.name} was not loaded by this registry, so its version is not known; load it first, or use delete(key)`,
      );
    const key = unchangedKey(mapper, entity, state);
    const expected = expectedVersion(mapper, entity, state);
    return {
      entity,
      event: 'remove',
      operation: withEntries({ ...deleteOf(mapper.schema, key), expected }),
      done: () => this.entities.forget(entity),
    };
  }

  /** Plans a write of some properties of a row, without its entity. */
  patch(
    mapper: RowMapper,
    key: EntityKey,
    patch: object,
    options: Pick<UpdateOptions, 'ifVersion' | 'where'> = {},
  ): RowOperation {
    const { schema } = mapper;
    const { ifVersion, where } = options;
    checkObject('patch', patch);
    assertNotDeletion(schema, patch);
    for (const condition of ['ifVersion', 'where'] as const)
      if (Object.hasOwn(options, condition) && options[condition] === undefined)
        throw new InvalidArgumentError(condition, `${condition} is undefined: leave it out for no condition`);
    if (ifVersion !== undefined) checkWhole('ifVersion', ifVersion, 0);
    let values = mapper.plain(patch);
    let changes = mapper.patch(values);
    const isDirty = changes.expireAt !== undefined || changes.set.length + changes.removed.length > 0;
    if (schema.updatedAt && isDirty) {
      values = { ...values, [schema.updatedAt]: new Date(mapper.now()) };
      changes = mapper.patch(values);
    }
    if (where !== undefined) checkObject('where', where);
    const guards = mapper.guards(where ?? {});
    if (schema.deletion) guards.push([schema.deletion.property, undefined]);
    return withEntries(
      {
        schema,
        key,
        mode: 'update',
        expected: ifVersion,
        guards: guards.length > 0 ? guards : undefined,
        ...changes,
      },
      values,
    );
  }

  /** Plans a change of a row's expiry alone. */
  expire({ schema }: RowMapper, key: EntityKey, expireAt: number | null): RowOperation {
    return withEntries({ schema, key, mode: 'touch', expireAt });
  }

  /** Plans the delete of a row, whatever its version. */
  delete({ schema }: RowMapper, key: EntityKey): RowOperation {
    return withEntries(deleteOf(schema, key));
  }

  /** Returns when a new row expires. An entity without a value gets the one that follows from its `ttl`. */
  private stampExpiry(mapper: RowMapper, entity: object): number | undefined {
    const { expiresAt, ttlMs } = mapper.schema;
    const given = mapper.expiryOf(entity);
    if (given !== undefined || ttlMs === undefined) return given;
    const at = mapper.now() + ttlMs;
    if (expiresAt) fill(mapper.schema, entity, expiresAt, new Date(at));
    return at;
  }

  private planned(
    mapper: RowMapper,
    entity: object,
    operation: RowOperation,
    // as planned: later changes are left for the next write
    { snapshot, expiresAt, counters }: Pick<EntityState, 'snapshot' | 'expiresAt' | 'counters'>,
  ): PlannedWrite {
    return {
      entity,
      event: this.eventOf('save', entity),
      operation: withEntries(operation, entity),
      done: (version) =>
        this.entities.written(mapper, entity, {
          key: operation.key,
          version,
          snapshot,
          expiresAt,
          counters,
        }),
    };
  }
}

const deleteOf = (schema: EntitySchema, key: EntityKey): RowOperation => ({
  schema,
  key,
  mode: 'delete',
  cascades: hasCascades(schema) || undefined,
});

/** Generates the id of an entity that has none, if its class generates ids. */
export function fillId({ schema }: RowMapper, entity: object): void {
  const { property, generate } = schema.primaryKey;
  const id: unknown = Reflect.get(entity, property);
  if (generate && (id === undefined || id === null)) fill(schema, entity, property, idGenerator(generate)());
}

function stampTimes({ schema, now: clock }: RowMapper, entity: object): void {
  const { createdAt, updatedAt } = schema;
  const now = new Date(clock());
  if (createdAt && !Reflect.get(entity, createdAt)) fill(schema, entity, createdAt, now);
  if (updatedAt) fill(schema, entity, updatedAt, new Date(now));
}

/** @throws InvalidArgumentError if the entity does not accept a value. It is the source of what is stored. */
function fill({ name }: EntitySchema, entity: object, property: string, value: unknown): void {
  if (Reflect.set(entity, property, value)) return;
  throw new InvalidArgumentError(
    property,
    `${name}.${property} cannot be filled in: the object is frozen, or the property is read-only`,
  );
}

function unchangedKey({ schema }: RowMapper, entity: object, state: EntityState): EntityKey {
  const key = keyOfEntity(schema, entity);
  if (key.row !== state.key.row) throw new PartitionKeyChangedError(schema.name, state.key.row);
  return key;
}

/**
 * Returns the version that the row must have: the one that the entity shows, so that a version from a form or request
 * counts; else the one that was loaded.
 */
function expectedVersion({ schema }: RowMapper, entity: object, state: EntityState): number {
  if (!schema.version) return state.version;
  const shown: unknown = Reflect.get(entity, schema.version);
  if (shown === undefined || shown === null) return state.version;
  if (Number.isSafeInteger(shown)) return shown as number;
  throw new InvalidArgumentError(schema.version, `${schema.name}.${schema.version} is not a version`);
}
