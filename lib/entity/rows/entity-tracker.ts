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

/** Returns the object that it is given, so that the private fields of a subclass become fields of that object. */
// oxlint-disable-next-line typescript/no-extraneous-class -- only its constructor matters
class Given {
  constructor(object: object) {
    return object;
  }
}

/**
 * The state of an entity, in private fields of the entity itself, which nobody sees or copies. A WeakMap costs more than
 * the rest of loading an entity, most of it while garbage is collected.
 */
class AttachedState extends Given {
  #owner: object | undefined;
  #state: EntityState | undefined;

  private constructor(entity: object, owner: object, state: EntityState) {
    super(entity);
    this.#owner = owner;
    this.#state = state;
  }

  /** Sets the state of an entity for its owner. @returns false if another has set one, or the object takes none. */
  static set(entity: object, owner: object, state: EntityState): boolean {
    if (!(#state in entity)) {
      if (!Object.isExtensible(entity)) return false;
      const attached: object = new AttachedState(entity, owner, state);
      return attached === entity;
    }
    if (entity.#owner !== owner && entity.#owner !== undefined) return false;
    entity.#owner = owner;
    entity.#state = state;
    return true;
  }

  static of(entity: object, owner: object): EntityState | undefined {
    return #state in entity && entity.#owner === owner ? entity.#state : undefined;
  }

  static delete(entity: object, owner: object): void {
    if (!(#state in entity) || entity.#owner !== owner) return;
    entity.#owner = undefined;
    entity.#state = undefined;
  }
}

/** Remembers the rows of entity objects, for as long as the objects live. */
export class EntityTracker {
  /** Owns the states that are attached to entities. They do not keep the tracker in memory. */
  private readonly owner = {};

  /** The states of entities that have one of another tracker, or are frozen. */
  private readonly others = new WeakMap<object, EntityState>();

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
    return AttachedState.of(entity, this.owner) ?? this.others.get(entity);
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
    this.record(entity, { key, version, snapshot, expiresAt, counters });
  }

  /** Records a row that was written, and sets the version of the entity. */
  written({ schema }: RowMapper, entity: object, state: EntityState): void {
    if (!this.withCollections.has(entity)) this.attachCollections(schema, entity);
    this.record(entity, state);
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
    AttachedState.delete(entity, this.owner);
    this.others.delete(entity);
  }

  private record(entity: object, state: EntityState): void {
    if (!AttachedState.set(entity, this.owner, state)) this.others.set(entity, state);
  }
}
