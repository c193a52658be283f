import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';

/** An index or unique constraint of an entity class, and whether queries can use it. */
export interface IndexOverview {
  readonly name: string;
  readonly kind: IndexSchema['kind'];
  readonly scope: 'partition' | 'global';
  readonly fields: readonly string[];
  /** `building` until `reindex()` has completed it; `unknown` before the class was compared with its record. */
  readonly state: 'ready' | 'building' | 'unknown';
}

/** What an entity class declares. It contains names only. */
export interface EntityOverview {
  readonly name: string;
  /** The entity that owns the partition. */
  readonly partition: string;
  readonly indexes: readonly IndexOverview[];
  /** Whether its changes are recorded in an outbox. */
  readonly changes: boolean;
}

/** Describes an entity class. @param ready the indexes that contain all rows; undefined if that is not known */
export function overviewOf(schema: EntitySchema, ready: ReadonlySet<string> | undefined): EntityOverview {
  const describe =
    (scope: IndexOverview['scope']) =>
    ({ name, kind, fields }: IndexSchema): IndexOverview => ({
      name,
      kind,
      scope,
      fields: fields.map(({ property }) => property),
      state: ready === undefined ? 'unknown' : ready.has(name) ? 'ready' : 'building',
    });
  return {
    name: schema.name,
    partition: schema.partitionName,
    indexes: [...schema.indexes.map(describe('partition')), ...schema.globals.map(describe('global'))],
    changes: schema.changes !== undefined,
  };
}
