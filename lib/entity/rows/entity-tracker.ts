import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { CollectionHandles } from '../collections/collection-handles.js';
import type { CollectionWriter } from '../collections/collection-access.js';
import { shownCounters } from './entity-check.js';
import { guardRelations } from '../schema/relation-values.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { LoadedRow } from './row-loader.js';
import type { RowMapper } from './row-mapper.js';
import type { SnapshotValue } from './row-snapshot.js';

/** The state of an entity's row when it was last read or written. */
export interface EntityState {
  readonly key: EntityKey;
  readonly version: number;
  readonly snapshot: readonly SnapshotValue[];
  /** When the row expires, in milliseconds since 1970; undefined for never. */
  readonly expiresAt?: number;
  /** The entity's counters; undefined if a hook may have changed them since. */
  readonly counters?: readonly unknown[];
}

/** A transaction, as far as its entities are concerned. */
export interface OpenTransaction {
  /** Whether its function is running. */
  readonly isOpen: boolean;
}

/** Remembers the rows of entity objects, for as long as the objects live. */
export class EntityTracker {
  private readonly states = new WeakMap<object, EntityState>();

  private readonly withCollections = new WeakSet<object>();

  /** The open transaction that read, or will write, an entity. */
  private readonly transactions = new WeakMap<object, OpenTransaction>();

  /** The last write in flight of each entity. */
  private readonly inFlight = new Map<object, Promise<unknown>>();

  /** @param writer writes collections, unless another writer is passed. */
  constructor(
    private readonly handles: CollectionHandles,
    private readonly writer: CollectionWriter,
  ) {}

  /** Returns the state of an entity; undefined if it is new. */
  of(entity: object): EntityState | undefined {
    return this.states.get(entity);
  }

  /**
   * Attaches the handles of collections to an entity, which have no key until the row exists, and the relations, which
   * are not loaded.
   */
  attachCollections(schema: EntitySchema, entity: object, writer = this.writer): void {
    if (schema.relations.length > 0) guardRelations(schema, entity);
    if (schema.collections.length === 0) return;
    const keyOf = () => this.of(entity)?.key;
    // An entity that was loaded under a lock is written under it until the lock's function has ended.
    const writerNow = () => (writer.hasEndedWell ? this.writer : writer);
    this.handles.attach(schema, entity, keyOf, writerNow);
    this.withCollections.add(entity);
  }

  /** Records a row that was read. */
  loaded(schema: EntitySchema, key: EntityKey, { entity, version, snapshot, expiresAt }: LoadedRow): void {
    const counters = schema.hooks.has('after load') ? undefined : shownCounters(schema, entity);
    this.states.set(entity, { key, version, snapshot, expiresAt, counters });
  }

  /** Records a row that was written, and sets the version of the entity. */
  written({ schema }: RowMapper, entity: object, state: EntityState): void {
    if (!this.withCollections.has(entity)) this.attachCollections(schema, entity);
    this.states.set(entity, state);
    if (schema.version) Reflect.set(entity, schema.version, state.version);
  }

  /**
   * Runs a write of entities after their writes in flight have settled, because each write depends on the row as its
   * predecessor left it. Without writes in flight, it starts at once, in the same tick.
   */
  inTurn<R>(entities: readonly object[], write: () => Promise<R>): Promise<R> {
    const before = entities.flatMap((entity) => this.inFlight.get(entity) ?? []);
    const writing = before.length === 0 ? write() : Promise.allSettled(before).then(write);
    for (const entity of entities) this.inFlight.set(entity, writing);
    const end = (): void => {
      for (const entity of entities) if (this.inFlight.get(entity) === writing) this.inFlight.delete(entity);
    };
    writing.then(end, end);
    return writing;
  }

  /** Remembers that an entity belongs to a transaction while that is open. */
  join(entity: object, transaction: OpenTransaction): void {
    this.transactions.set(entity, transaction);
  }

  /** @throws InvalidArgumentError where an open transaction has the entity: the write would not be part of it. */
  assertNotJoined({ name }: EntitySchema, entity: object): void {
    if (!this.transactions.get(entity)?.isOpen) return;
    throw new InvalidArgumentError(
      'entity',
      `This ${name} belongs to a transaction that has not ended, and a write by the repository would not be part of ` +
        'it: use tx.save(), tx.insert() or tx.remove()',
    );
  }

  /** Forgets an entity whose row is gone, so that it counts as new. */
  forget(entity: object): void {
    this.states.delete(entity);
  }
}
