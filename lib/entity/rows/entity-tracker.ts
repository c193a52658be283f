import type { CollectionHandles } from '../collections/collection-handles.js';
import type { CollectionWriter } from '../collections/collection-access.js';
import { shownCounters } from './entity-check.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { LoadedRow, RowMapper } from './row-mapper.js';
import type { Mark } from './row-snapshot.js';

/** What the row of an entity object was when it was last read or written. */
export interface EntityState {
  readonly key: EntityKey;
  readonly version: number;
  readonly marks: readonly Mark[];
  /** When it expires, in milliseconds since 1970; undefined for never. */
  readonly expiresAt?: number;
  /** What the entity showed of its counters; undefined where a hook may have changed that since. */
  readonly counters?: readonly unknown[];
}

/** Remembers the rows behind entity objects, for as long as the objects live. */
export class EntityTracker {
  private readonly states = new WeakMap<object, EntityState>();

  private readonly withCollections = new WeakSet<object>();

  /** The last write of each entity that is being written. */
  private readonly underWay = new Map<object, Promise<unknown>>();

  /** @param writer makes the writes of collections, unless another is given. */
  constructor(
    private readonly handles: CollectionHandles,
    private readonly writer: CollectionWriter,
  ) {}

  /** The state of an entity; undefined for one that is new. */
  of(entity: object): EntityState | undefined {
    return this.states.get(entity);
  }

  /** Gives an entity the handles of its collections, which have no key before its row is there. */
  attachCollections(schema: EntitySchema, entity: object, writer = this.writer): void {
    if (schema.collections.length === 0) return;
    const keyOf = () => this.of(entity)?.key;
    // What was loaded under a lock is written under it until the lock's function has ended.
    const writerNow = () => (writer.hasEndedWell ? this.writer : writer);
    this.handles.attach(schema, entity, keyOf, writerNow);
    this.withCollections.add(entity);
  }

  /** Remembers a row that was read. */
  loaded(schema: EntitySchema, key: EntityKey, { entity, version, marks, expiresAt }: LoadedRow): void {
    const counters = schema.hooks.has('after load') ? undefined : shownCounters(schema, entity);
    this.states.set(entity, { key, version, marks, expiresAt, counters });
  }

  /** Remembers a row that was written, and shows its version in the entity. */
  written({ schema }: RowMapper, entity: object, state: EntityState): void {
    if (!this.withCollections.has(entity)) this.attachCollections(schema, entity);
    this.states.set(entity, state);
    if (schema.version) Reflect.set(entity, schema.version, state.version);
  }

  /**
   * Runs a write of entities once those that are under way have ended: each rests on what the one before it has made
   * of the row. What nobody else writes is begun at once, in this turn.
   */
  inTurn<R>(entities: readonly object[], write: () => Promise<R>): Promise<R> {
    const before = entities.flatMap((entity) => this.underWay.get(entity) ?? []);
    const writing = before.length === 0 ? write() : Promise.allSettled(before).then(write);
    for (const entity of entities) this.underWay.set(entity, writing);
    const end = (): void => {
      for (const entity of entities) if (this.underWay.get(entity) === writing) this.underWay.delete(entity);
    };
    writing.then(end, end);
    return writing;
  }

  /** Forgets an entity whose row is gone: it is new again. */
  forget(entity: object): void {
    this.states.delete(entity);
  }
}
