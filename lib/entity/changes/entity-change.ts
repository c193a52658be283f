import type { TraceHeaders } from '../../cluster/diagnostics/trace-headers.js';
import { OUTBOX_FIELDS, ROW_FIELDS } from '../keys/stored-names.js';
import { entityKeyIn, givenKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { KeyOf, PartitionKeyOf } from '../decorators/shape.js';

/** A committed change of a row. */
export interface RowChange<E = object> {
  /** What happened. `expire` appears when an expired row is swept or overwritten. */
  readonly type: 'insert' | 'update' | 'delete' | 'expire';
  /** The name of the entity. */
  readonly entity: string;
  readonly key: KeyOf<E>;
  /** The row's version after the change. For a row that is gone, its last version. */
  readonly version: number;
  /** For an update, the properties that were written, even if their values stayed the same. */
  readonly changed?: readonly string[];
  /** Where to resume after this change. */
  readonly cursor: string;
  /** The trace context of the writer, if `keyslot/telemetry` was registered there and it wrote within a trace. */
  readonly headers?: TraceHeaders;
}

/** An event that a transaction emitted. */
export interface PartitionEvent<E = object> {
  readonly type: 'event';
  /** The name of the entity that owns the partition. */
  readonly entity: string;
  /** The id of the partition. */
  readonly key: PartitionKeyOf<E>;
  /** The type that was passed to `emit`. */
  readonly event: string;
  readonly payload: unknown;
  /** Where to resume after this event. */
  readonly cursor: string;
  /** The trace context of the writer, as of a change of a row. */
  readonly headers?: TraceHeaders;
}

/** What `changes()` emits. */
export type EntityChange<E = object> = RowChange<E> | PartitionEvent<E>;

/** An entry of an outbox: alternating fields and values. */
export type OutboxEntry = readonly string[];

/** What `changes()` emits, without the cursor. */
type ChangeWithoutCursor = Omit<RowChange, 'cursor'> | Omit<PartitionEvent, 'cursor'>;

/**
 * Decodes the change in an outbox entry. Returns undefined if it is of another class, or of a partition other than
 * `tag`.
 */
export function changeFrom(
  schema: EntitySchema,
  entry: OutboxEntry,
  tag?: string,
): ChangeWithoutCursor | undefined {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < entry.length; i += 2) fields.set(entry[i], entry[i + 1]);
  const field = (name: string): string => fields.get(name) ?? '';
  const entryTag = `{${schema.partitionName}:${field(OUTBOX_FIELDS.partition)}}`;
  if (tag !== undefined && tag !== entryTag) return undefined;
  const headers = headersIn(field(OUTBOX_FIELDS.trace));
  if (field(OUTBOX_FIELDS.type) === 'event') {
    const payload =
      field(OUTBOX_FIELDS.detail) === '' ? undefined : (JSON.parse(field(OUTBOX_FIELDS.detail)) as unknown);
    const key = entityKeyIn(schema, entryTag, field(OUTBOX_FIELDS.partition));
    const id = (schema.partitionKey ? key.partition : key.id) as never;
    return {
      type: 'event',
      entity: schema.partitionName,
      key: id,
      event: field(OUTBOX_FIELDS.entity),
      payload,
      ...headers,
    };
  }
  if (field(OUTBOX_FIELDS.entity) !== schema.name) return undefined;
  const type = field(OUTBOX_FIELDS.type) as RowChange['type'];
  const key = givenKey(schema, entityKeyIn(schema, entryTag, field(OUTBOX_FIELDS.id))) as never;
  const version = Number(field(OUTBOX_FIELDS.version));
  const change = { type, entity: schema.name, key, version, ...headers };
  return type === 'update' ? { ...change, changed: changedIn(schema, field(OUTBOX_FIELDS.detail)) } : change;
}

const headersIn = (trace: string): { headers?: TraceHeaders } =>
  trace === '' ? {} : { headers: JSON.parse(trace) as TraceHeaders };

function changedIn({ expiresAt }: EntitySchema, names: string): string[] {
  if (names === '') return [];
  return names.split('\0').flatMap((name) => (name === ROW_FIELDS.expiresAt ? (expiresAt ?? []) : [name]));
}
