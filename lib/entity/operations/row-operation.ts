import { ROW_FIELDS } from '../keys/stored-names.js';
import { type CollectionWrites } from '../collections/collection-call.js';
import { type EntityKey } from '../keys/entity-key.js';
import type { EntitySchema, GlobalIndexSchema, IndexSchema } from '../schema/entity-schema.js';
import type { Span } from '../keys/index-entry.js';
import type { Outbox } from './outbox.js';
import type { Stored } from '../codec/codec.js';
import type { GlobalEntry } from '../keys/global-entry.js';
import type { Guard } from '../rows/row-mapper.js';

/** What an operation does to its row, and what it requires of it. */
export type WriteMode = 'insert' | 'update' | 'upsert' | 'delete' | 'check' | 'absent' | 'touch' | 'sweep';

/** The part of a commit that concerns one row. */
export interface RowOperation {
  readonly schema: EntitySchema;
  readonly key: EntityKey;
  readonly mode: WriteMode;
  /** The version that the row must have; any version if undefined. For an insert, the version that it gets. */
  readonly expected?: number;
  /** Alternating fields and values. The version grows if there are any, or any fields to remove. */
  readonly set?: readonly Stored[];
  readonly removed?: readonly string[];
  /** For an upsert, a property among these pairs that keeps its value if the row has one. */
  readonly kept?: string;
  /** The new expiry in milliseconds since 1970, or null for never; undefined leaves it unchanged. */
  readonly expireAt?: number | null;
  /** Counters, with the number to add to each. */
  readonly increments?: ReadonlyMap<string, bigint>;
  /** Writes to the row's collections, by property. */
  readonly collected?: CollectionWrites;
  /** Values that fields must have; undefined for an absent field. */
  readonly guards?: readonly Guard[];
  /** Whether a delete also deletes the row's related rows that its class deletes in cascade. */
  readonly cascades?: boolean;
  /** Absent if the operation touches neither an index nor the list of the partition's rows. */
  readonly indexing?: IndexChanges;
  /** Changes in global indexes and unique constraints; absent if there are none. */
  readonly globals?: readonly GlobalChange[];
  /** The entries that the row holds there after the commit. They must be in place before it. */
  readonly holds?: { readonly until: number; readonly changes: readonly RowHold[] };
}

/** The entry that a row holds in a global index or unique constraint. */
export interface RowHold extends Hold {
  readonly name: string;
}

/** The result of a query that must be unchanged for a commit to be applied. */
export type QueryGuard =
  /** The number and digest of the entries in ranges of an index. */
  | {
      readonly key: string;
      readonly ranges: readonly Span[];
      readonly count: number;
      readonly digest: string;
    }
  /** The ids that hold values of a unique constraint; empty if no row holds the value. */
  | { readonly key: string; readonly held: readonly (readonly [entry: string, idText: string])[] };

/** The lock under which a commit is made. */
export interface Fence {
  /** The tag of the partition it belongs to. */
  readonly tag: string;
  readonly key: string;
  /** The fencing token. The commit is refused if the lock has a newer one. */
  readonly token: string;
  /** Returns whether the function under the lock has ended and the lock was held until then. */
  hasEndedWell(): boolean;
  /** @throws LockLostError if the lock is known to be lost, or was released. */
  assertHeld(): void;
}

/** A step of a group of followers, which a commit makes together with its writes, and only if the position is unchanged. */
export interface FollowerStep {
  /** The hash with the progress of the group. It is in the slot of the partition. */
  readonly key: string;
  readonly field: string;
  readonly writerField: string;
  /** The present position; empty if there is none. */
  readonly from: string;
  readonly to: string;
  /** Called once the commit was applied. */
  readonly onTaken?: () => void;
}

/** The parts of a commit besides its operations. */
export interface CommitExtras {
  readonly queries?: readonly QueryGuard[];
  /** The two keys of the token window. */
  readonly window?: readonly string[];
  readonly fence?: Fence;
  readonly outbox?: Outbox;
  readonly step?: FollowerStep;
}

/**
 * Returns the header of a row. The scripts fill in its values. The place of the version names the property to keep, and
 * the place of the last writes has the times to live of the properties that are set.
 */
export const headerOf = (operation: RowOperation): string[] => [
  ROW_FIELDS.version,
  operation.kept ?? '',
  ROW_FIELDS.lastWrites,
  lifetimesIn(operation),
];

/** Returns the number of the pair, `=` and the time to live in milliseconds for each value that expires. */
function lifetimesIn({ schema: { lifetimes }, set }: RowOperation): string {
  if (lifetimes === undefined || set === undefined) return '';
  const parts: string[] = [];
  for (let i = 0; i < set.length; i += 2) {
    const ms = lifetimes.get(String(set[i]));
    if (ms !== undefined) parts.push(`${i / 2}=${ms}`);
  }
  return parts.join(' ');
}
/** The change of a write to one global index or unique constraint. */
export interface GlobalChange {
  readonly index: GlobalIndexSchema;
  /** The new encoding of each field: null if the field is absent, undefined if it stays unchanged. */
  readonly parts: readonly (string | null | undefined)[];
}
/** The change of a held entry: `+` hold it, `=` the row already holds it, `-` hold none. */
export interface Hold {
  readonly how: '+' | '=' | '-';
  /** The token of the write that created the entry. */
  readonly token: string;
  readonly encodings: string;
}
/** An entry that a commit replaced or deleted. */
export interface Released {
  readonly entry: GlobalEntry;
  readonly token: string;
}
/** An indexed field of a write: `=` unchanged, `+` new encoding, `-` absent, `?` new encoding if the row has none. */
export interface FieldEncoding {
  /** The name of the encoding: the property, or the property in another form. */
  readonly name: string;
  readonly how: '=' | '+' | '-' | '?';
  readonly encoding: string;
}
/** The indexes that a write touches, and their fields. */
export interface IndexChanges {
  readonly fields: readonly FieldEncoding[];
  readonly indexes: readonly IndexSchema[];
}
/** Returns whether an operation changes a global index or unique constraint. */
export const isGlobal = ({ globals }: RowOperation): boolean => globals !== undefined;
