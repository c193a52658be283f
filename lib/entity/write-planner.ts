import { InvalidArgumentError } from '../cluster/errors.js';
import { PartitionKeyChangedError } from './entity-errors.js';
import { type EntityKey, keyOfEntity } from './entity-key.js';
import { idGenerator } from './id-generators.js';
import type { EntityState, LoadedEntities } from './loaded-entities.js';
import { withIndexes } from './index-changes.js';
import type { Mark, RowMapper } from './row-mapper.js';
import type { RowOperation } from './row-operation.js';

/** A write of an entity that is ready to be committed. */
export interface PlannedWrite {
  readonly operation: RowOperation;
  /** To be called once it is committed, with the version of the row. */
  done(version: number): void;
}

/** Makes the operations that write rows: here their indexes come in, so nothing else should make any. */
export class WritePlanner {
  constructor(private readonly entities: LoadedEntities) {}

  /** A row that must not be there yet. */
  insert(mapper: RowMapper, entity: object): PlannedWrite {
    fillId(mapper, entity);
    stampTimes(mapper, entity);
    const { set, marks } = mapper.changes(entity);
    const key = keyOfEntity(mapper.schema, entity);
    const operation: RowOperation = { schema: mapper.schema, key, mode: 'insert', set };
    return {
      operation: withIndexes(operation, entity),
      done: (version) => {
        for (const { property, bigint } of mapper.schema.counters)
          Reflect.set(entity, property, bigint ? 0n : 0);
        this.entities.written(mapper, entity, { key, version, marks });
      },
    };
  }

  /** An insert where the entity is new, else what has changed since it was loaded; undefined if nothing has. */
  save(mapper: RowMapper, entity: object): PlannedWrite | undefined {
    const state = this.entities.of(entity);
    if (!state) return this.insert(mapper, entity);
    const key = unchangedKey(mapper, entity, state);
    const expected = expectedVersion(mapper, entity, state);
    let changes = mapper.changes(entity, state.marks);
    const isDirty = changes.set.length + changes.removed.length > 0;
    if (!isDirty && expected === state.version) return undefined;
    if (isDirty && mapper.schema.updatedAt) {
      stampTimes(mapper, entity);
      changes = mapper.changes(entity, state.marks);
    }
    const { set, removed, marks } = changes;
    const operation: RowOperation = { schema: mapper.schema, key, mode: 'update', expected, set, removed };
    return this.planned(mapper, entity, operation, marks);
  }

  /** The whole row, whatever it is now. */
  upsert(mapper: RowMapper, entity: object): PlannedWrite {
    const state = this.entities.of(entity);
    if (!state) fillId(mapper, entity);
    stampTimes(mapper, entity);
    const key = state ? unchangedKey(mapper, entity, state) : keyOfEntity(mapper.schema, entity);
    const { set, removed, marks } = mapper.changes(entity);
    return this.planned(mapper, entity, { schema: mapper.schema, key, mode: 'upsert', set, removed }, marks);
  }

  /** The row's end, if it still is as the entity was loaded. */
  remove(mapper: RowMapper, entity: object): PlannedWrite {
    const state = this.entities.of(entity);
    if (!state)
      throw new InvalidArgumentError(
        'entity',
        `This ${mapper.schema.name} was not loaded here, so its version is not known; use delete(key)`,
      );
    const key = unchangedKey(mapper, entity, state);
    const expected = expectedVersion(mapper, entity, state);
    return {
      operation: withIndexes({ schema: mapper.schema, key, mode: 'delete', expected }),
      done: () => this.entities.forget(entity),
    };
  }

  /** Some properties of a row, without its entity. */
  patch(mapper: RowMapper, key: EntityKey, patch: object, expected?: number): RowOperation {
    const { schema } = mapper;
    let values = patch;
    let changes = mapper.patch(values);
    if (schema.updatedAt && changes.set.length + changes.removed.length > 0) {
      values = { ...patch, [schema.updatedAt]: new Date() };
      changes = mapper.patch(values);
    }
    return withIndexes({ schema, key, mode: 'update', expected, ...changes }, values);
  }

  /** The row's end, whatever its version. */
  delete({ schema }: RowMapper, key: EntityKey): RowOperation {
    return withIndexes({ schema, key, mode: 'delete' });
  }

  private planned(
    mapper: RowMapper,
    entity: object,
    operation: RowOperation,
    marks: readonly Mark[],
  ): PlannedWrite {
    return {
      operation: withIndexes(operation, entity),
      done: (version) => this.entities.written(mapper, entity, { key: operation.key, version, marks }),
    };
  }
}

/** Gives an entity its id, if it has none and ids are generated. */
export function fillId({ schema }: RowMapper, entity: object): void {
  const { property, generate } = schema.primaryKey;
  const id: unknown = Reflect.get(entity, property);
  if (generate && (id === undefined || id === null)) Reflect.set(entity, property, idGenerator(generate)());
}

function stampTimes({ schema: { createdAt, updatedAt } }: RowMapper, entity: object): void {
  const now = new Date();
  if (createdAt && !Reflect.get(entity, createdAt)) Reflect.set(entity, createdAt, now);
  if (updatedAt) Reflect.set(entity, updatedAt, new Date(now));
}

function unchangedKey({ schema }: RowMapper, entity: object, state: EntityState): EntityKey {
  const key = keyOfEntity(schema, entity);
  if (key.row !== state.key.row) throw new PartitionKeyChangedError(schema.name, state.key.row);
  return key;
}

/**
 * The version the row must be at: what the entity shows, if it shows one, so that a version that came back from a
 * form or a request counts; else the one it was loaded at.
 */
function expectedVersion({ schema }: RowMapper, entity: object, state: EntityState): number {
  if (!schema.version) return state.version;
  const shown: unknown = Reflect.get(entity, schema.version);
  if (shown === undefined || shown === null) return state.version;
  if (Number.isSafeInteger(shown)) return shown as number;
  throw new InvalidArgumentError(schema.version, `${schema.name}.${schema.version} is not a version`);
}
