import type { CollectionHandles } from './collection-handles.js';
import type { Committer } from './committer.js';
import type { EntityKey } from './entity-key.js';
import type { EntitySchema } from './entity-schema.js';
import type { LoadedRow, Mark, RowMapper } from './row-mapper.js';

/** What the row of an entity object was when it was last read or written. */
export interface EntityState {
  readonly key: EntityKey;
  readonly version: number;
  readonly marks: readonly Mark[];
  /** When it expires, in milliseconds since 1970; undefined for never. */
  readonly expiresAt?: number;
}

/** Remembers the rows behind entity objects, for as long as the objects live. */
export class LoadedEntities {
  private readonly states = new WeakMap<object, EntityState>();

  private readonly equipped = new WeakSet<object>();

  /** @param committer makes the writes of collections, where nobody says otherwise. */
  constructor(
    private readonly handles: CollectionHandles,
    private readonly committer: Committer,
  ) {}

  /** The state of an entity; undefined for one that is new. */
  of(entity: object): EntityState | undefined {
    return this.states.get(entity);
  }

  /** Gives an entity the handles of its collections, which have no key before its row is there. */
  equip(schema: EntitySchema, entity: object, committer = this.committer): void {
    if (schema.collections.length === 0) return;
    this.handles.attach(schema, entity, () => this.of(entity)?.key, committer);
    this.equipped.add(entity);
  }

  /** Remembers a row that was read. */
  loaded(key: EntityKey, { entity, version, marks, expiresAt }: LoadedRow): void {
    this.states.set(entity, { key, version, marks, expiresAt });
  }

  /** Remembers a row that was written, and shows its version in the entity. */
  written({ schema }: RowMapper, entity: object, state: EntityState): void {
    if (!this.equipped.has(entity)) this.equip(schema, entity);
    this.states.set(entity, state);
    if (schema.version) Reflect.set(entity, schema.version, state.version);
  }

  /** Forgets an entity whose row is gone: it is new again. */
  forget(entity: object): void {
    this.states.delete(entity);
  }
}
