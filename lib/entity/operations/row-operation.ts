import { ROW_FIELDS } from '../keys/stored-names.js';
import { type CollectionWrites } from '../collections/collection-call.js';
import { type EntityKey } from '../keys/entity-key.js';
import type { EntitySchema, GlobalIndexSchema, IndexSchema } from '../schema/entity-schema.js';
import type { Span } from '../keys/index-entry.js';
import type { Outbox } from './outbox.js';
import type { Stored } from '../codec/codec.js';
import type { GlobalEntry } from '../keys/global-entry.js';
import type { Guard } from '../rows/row-mapper.js';

/** What an operation does to its row, and what it demands of it. */
export type WriteMode = 'insert' | 'update' | 'upsert' | 'delete' | 'check' | 'absent' | 'touch' | 'sweep';

/** One row's part in a commit. */
export interface RowOperation {
  readonly schema: EntitySchema;
  readonly key: EntityKey;
  readonly mode: WriteMode;
  /** The version the row must be at; any if undefined. */
  readonly expected?: number;
  /** Pairs of field and value. Where there are any, or fields to remove, the version goes up. */
  readonly set?: readonly Stored[];
  readonly removed?: readonly string[];
  /** A property among these pairs that keeps its value in a row that has one; of an upsert alone. */
  readonly kept?: string;
  /** When the row expires from now on, in milliseconds since 1970, null for never; undefined leaves it as it is. */
  readonly expireAt?: number | null;
  /** Counters and what is added to each. */
  readonly increments?: ReadonlyMap<string, bigint>;
  /** What is written to the row's collections, by their properties. */
  readonly collected?: CollectionWrites;
  /** Fields that must hold just this; undefined for absent. */
  readonly guards?: readonly Guard[];
  /** Absent where neither an index nor the list of the partition's rows is touched. */
  readonly indexing?: IndexChanges;
  /** What it changes in global indexes and uniques; absent where it changes none. */
  readonly globals?: readonly GlobalChange[];
  /** What the row holds there from now on, once its entries are in their places. */
  readonly holds?: { readonly until: number; readonly changes: readonly RowHold[] };
}

/** What a row is to hold in a global index or unique. */
export interface RowHold extends Hold {
  readonly name: string;
}

/** What a commit demands of the answer to a query: that it is what it was. */
export type QueryGuard =
  /** So many entries in these ranges of an index, with this digest. */
  | {
      readonly key: string;
      readonly ranges: readonly Span[];
      readonly count: number;
      readonly digest: string;
    }
  /** The ids that hold values of a unique, empty for nobody. */
  | { readonly key: string; readonly held: readonly (readonly [entry: string, idText: string])[] };

/** The lock that a commit is made under. */
export interface Fence {
  /** The tag of the partition it belongs to. */
  readonly tag: string;
  readonly key: string;
  /** The number that was handed out with it; the commit is refused where the lock has another by now. */
  readonly token: string;
  /** Whether its function has ended, and the lock was held until then. */
  hasEndedWell(): boolean;
  /** @throws LockLostError where it is known to be lost, or has ended. */
  assertHeld(): void;
}

/** What a commit has besides its operations. */
export interface CommitExtras {
  readonly queries?: readonly QueryGuard[];
  /** The two keys of the token window. */
  readonly window?: readonly string[];
  readonly fence?: Fence;
  readonly outbox?: Outbox;
}

/** The header of a row, filled in by the scripts; what is to be kept is named in the place of the version. */
export const headerOf = ({ kept = '' }: RowOperation): string[] => [
  ROW_FIELDS.version,
  kept,
  ROW_FIELDS.lastWrites,
  '',
];
/** What a write does to one global index or unique. */
export interface GlobalChange {
  readonly index: GlobalIndexSchema;
  /** For each field its new encoding, null where it is absent, undefined where it stays as it is in the row. */
  readonly parts: readonly (string | null | undefined)[];
}
/** What a commit is to do to what a row holds: `+` hold it, `=` it holds it already, `-` hold nothing. */
export interface Hold {
  readonly how: '+' | '=' | '-';
  /** Of the write whose entry it is. */
  readonly token: string;
  readonly encodings: string;
}
/** An entry that a commit has replaced or ended. */
export interface Released {
  readonly entry: GlobalEntry;
  readonly token: string;
}
/** An indexed field of a write: `=` as it is, `+` with a new encoding, `-` absent, `?` new where the row has none. */
export interface FieldEncoding {
  readonly property: string;
  readonly how: '=' | '+' | '-' | '?';
  readonly encoding: string;
}
/** The indexes that a write touches, and the fields they are made of. */
export interface IndexChanges {
  readonly fields: readonly FieldEncoding[];
  readonly indexes: readonly IndexSchema[];
}
/** Whether an operation changes a global index or unique. */
export const isGlobal = ({ globals }: RowOperation): boolean => globals !== undefined;
