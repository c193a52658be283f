import { isUtf8 } from 'node:buffer';
import type { Stored } from '../codec/codec.js';
import type { CollectionKind } from '../decorators/collection-kind.js';

/** The number of the format. It grows when lines change so that older readers cannot read them. */
export const EXPORT_FORMAT = 1;

/** A stored value: text, or bytes that are no valid UTF-8. */
export type ExportedValue = string | { readonly base64: string };

/** The first line of an export. */
export interface HeaderLine {
  readonly keyslot: 'partition';
  readonly format: number;
  /** The entity that owns the partition, and the id of the partition, as in keys. */
  readonly owner: string;
  readonly partition: string;
  /** The entities that were exported. */
  readonly entities: readonly string[];
}

/** A row: its fields without those that Keyslot derives from others. */
export interface RowLine {
  readonly entity: string;
  /** The id, as in keys. */
  readonly id: string;
  readonly version?: string | undefined;
  /** When it expires, in milliseconds since 1970. */
  readonly expiresAt?: number | undefined;
  readonly fields: Readonly<Record<string, ExportedValue>>;
}

/**
 * Elements of a collection of the row before it. A hash alternates fields and values, a sorted set members and scores, a
 * stream ids and values.
 */
export interface CollectionLine {
  readonly entity: string;
  readonly id: string;
  readonly collection: string;
  readonly kind: CollectionKind;
  readonly elements: readonly ExportedValue[];
}

/** The last line: what the export contains. Without it, the export was cut off. */
export interface EndLine {
  readonly end: {
    readonly rows: number;
    /** Keys of no registered class, which are not exported. */
    readonly unknown: readonly string[];
  };
}

export type ExportLine = HeaderLine | RowLine | CollectionLine | EndLine;

export const exported = (stored: Buffer): ExportedValue =>
  isUtf8(stored) ? stored.toString() : { base64: stored.toString('base64') };

/** @returns undefined if it is no exported value. */
export function storedFrom(value: unknown): Stored | undefined {
  if (typeof value === 'string') return value;
  const { base64 } = Object(value) as { base64?: unknown };
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64') : undefined;
}
