import type { TraceHeaders } from '../../cluster/diagnostics/trace-headers.js';
import { OUTBOX_FIELDS, ROW_FIELDS } from '../keys/stored-names.js';
import { entityKeyIn, givenKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { addValues } from './change-values.js';
import type { CommitPlace, PartitionEvent, RowChange } from './entity-change.js';

/** An entry of an outbox. */
export interface OutboxEntry {
  /** The id in the stream. */
  readonly id: string;
  readonly slot: number;
  /** Alternating names and values. */
  readonly fields: readonly Buffer[];
}

/** The classes whose changes are read. All live in partitions of the same owner. */
export interface FollowedClasses {
  /** The name of the owner. */
  readonly partitionName: string;
  readonly schemas: readonly EntitySchema[];
}

/** A change, without its cursor. */
type ChangeWithoutCursor = Omit<RowChange, 'cursor'> | Omit<PartitionEvent, 'cursor'>;

/** When an entry was appended, in ms since 1970, by the clock of the server: the first part of its id. */
export const timeOf = (id: string): number => Number(id.slice(0, id.indexOf('-')));

/** Returns the hash tag of the partition that an entry is about. */
export const tagIn = ({ partitionName }: FollowedClasses, { fields }: OutboxEntry): string =>
  `{${partitionName}:${fieldsOf(fields).get(OUTBOX_FIELDS.partition)?.toString() ?? ''}}`;

/**
 * Decodes the change in an outbox entry, without its cursor. Returns undefined if it is of another class, or of a
 * partition other than `tag`.
 */
export function changeFrom(
  classes: FollowedClasses,
  entry: OutboxEntry,
  tag?: string,
): ChangeWithoutCursor | undefined {
  const { partitionName, schemas } = classes;
  const fields = fieldsOf(entry.fields);
  const field = (name: string): string => fields.get(name)?.toString() ?? '';
  const entryTag = `{${partitionName}:${field(OUTBOX_FIELDS.partition)}}`;
  if (tag !== undefined && tag !== entryTag) return undefined;
  const isEvent = field(OUTBOX_FIELDS.type) === 'event';
  const name = field(OUTBOX_FIELDS.entity);
  const schema = isEvent ? schemas[0] : schemas.find((one) => one.name === name);
  if (!schema) return undefined;
  const recorded = {
    id: idOf(partitionName, entry.slot, entry.id),
    committedAt: new Date(timeOf(entry.id)),
    commit: commitIn(field(OUTBOX_FIELDS.commit), partitionName, entry),
    ...headersIn(field(OUTBOX_FIELDS.trace)),
  };
  const detail = field(OUTBOX_FIELDS.detail);
  if (isEvent) {
    const payload = detail === '' ? undefined : (JSON.parse(detail) as unknown);
    const owner = entityKeyIn(schema, entryTag, field(OUTBOX_FIELDS.partition));
    const key = (schema.partitionKey ? owner.partition : owner.id) as never;
    return { type: 'event', entity: partitionName, key, event: name, payload, ...recorded };
  }
  const type = field(OUTBOX_FIELDS.type) as RowChange['type'];
  const stored = entityKeyIn(schema, entryTag, field(OUTBOX_FIELDS.id));
  const key = givenKey(schema, stored) as never;
  const version = Number(field(OUTBOX_FIELDS.version));
  const change = { type, entity: schema.name, key, version, ...recorded };
  const withNames = UPDATES.has(type) ? { ...change, changed: changedIn(schema, detail) } : change;
  return addValues(withNames, schema, stored, fields) as Omit<RowChange, 'cursor'>;
}

function fieldsOf(pairs: readonly Buffer[]): Map<string, Buffer> {
  const fields = new Map<string, Buffer>();
  for (let i = 0; i + 1 < pairs.length; i += 2) fields.set(pairs[i].toString(), pairs[i + 1]);
  return fields;
}

/** The id of an entry in the whole cluster. */
const idOf = (partitionName: string, slot: number, id: string): string => `${partitionName}/${slot}/${id}`;

/** Parses `index/count` and the id of the commit's first entry. A commit of one change stores nothing. */
function commitIn(text: string, partitionName: string, { id, slot }: OutboxEntry): CommitPlace {
  const [, index = '0', count = '1', first = id] = /^(\d+)\/(\d+)(?: (.+))?$/.exec(text) ?? [];
  return { id: idOf(partitionName, slot, first), index: Number(index), count: Number(count) };
}

const headersIn = (trace: string): { headers?: TraceHeaders } =>
  trace === '' ? {} : { headers: JSON.parse(trace) as TraceHeaders };

function changedIn({ expiresAt, fields }: EntitySchema, names: string): string[] {
  if (names === '') return [];
  const propertyOf = (name: string): string =>
    fields.find(({ former = [] }) => former.some((one) => one.name === name))?.property ?? name;
  const changed = names
    .split('\0')
    .flatMap((name) => (name === ROW_FIELDS.expiresAt ? (expiresAt ?? []) : [propertyOf(name)]));
  return [...new Set(changed)];
}

/** Returns the entries in a reply that alternates ids and lists of fields. */
export function entriesIn(slot: number, reply: readonly unknown[]): OutboxEntry[] {
  const entries: OutboxEntry[] = [];
  for (let i = 0; i + 1 < reply.length; i += 2)
    entries.push({ id: String(reply[i]), slot, fields: reply[i + 1] as Buffer[] });
  return entries;
}

const UPDATES: ReadonlySet<RowChange['type']> = new Set(['update', 'softDelete', 'restore'] as const);
