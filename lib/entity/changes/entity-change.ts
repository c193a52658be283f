import type { TraceHeaders } from '../../cluster/diagnostics/trace-headers.js';
import { entityOptions } from '../decorators/metadata.js';
import type { DataNames, EntityClass, KeyOf, PartitionKeyOf } from '../decorators/shape.js';

/** The place of a change in the commit that made it. */
export interface CommitPlace {
  /** The id of the commit, which all of its changes share. */
  readonly id: string;
  /** The place of the change, from 0. */
  readonly index: number;
  /** How many changes the commit recorded, those of other classes and events included. */
  readonly count: number;
}

/** What every change has. */
interface RecordedChange {
  /** Identifies the change in the whole cluster. A change that arrives again has the same id. */
  readonly id: string;
  /** When it was committed, by the clock of the server. */
  readonly committedAt: Date;
  /** The commit that made it. The changes of one commit follow one another. */
  readonly commit: CommitPlace;
  /** Where to resume after this change. */
  readonly cursor: string;
  /** The trace context of the writer, if `keyslot/telemetry` was registered there and it wrote within a trace. */
  readonly headers?: TraceHeaders;
}

/** Values of properties. A property without a value is absent. */
export type ChangeValues<E> = { readonly [Name in DataNames<E>]?: E[Name] };

/** A committed change of a row. */
export interface RowChange<E = object> extends RecordedChange {
  /**
   * What happened. `expire` appears when an expired row is swept or overwritten; `softDelete` and `restore` are updates
   * of a row with `@DeletedAt()`.
   */
  readonly type: 'insert' | 'update' | 'delete' | 'expire' | 'softDelete' | 'restore';
  /** The name of the entity. */
  readonly entity: string;
  readonly key: KeyOf<E>;
  /** The row's version after the change. For a row that is gone, its last version. */
  readonly version: number;
  /** For an update, the properties that were written, even if their values stayed the same. */
  readonly changed?: readonly string[];
  /**
   * The values before the change: for an update those of the changed properties, for a row that is gone all. Absent
   * unless the class is declared with `changes: { values: true }`, and for writes of collections. Reading it throws
   * SchemaMismatchError if a stored value does not have its property's type.
   */
  readonly before?: ChangeValues<E>;
  /** The values after the change: for an update those of the changed properties, for a new row all that it has. */
  readonly after?: ChangeValues<E>;
}

/** An event that a transaction emitted. */
export interface PartitionEvent<E = object> extends RecordedChange {
  readonly type: 'event';
  /** The name of the entity that owns the partition. */
  readonly entity: string;
  /** The id of the partition. */
  readonly key: PartitionKeyOf<E>;
  /** The type that was passed to `emit`. */
  readonly event: string;
  readonly payload: unknown;
}

/** What `changes()` emits. */
export type EntityChange<E = object> = RowChange<E> | PartitionEvent<E>;

/** What a stream of the changes of several classes emits. */
export type ChangeOf<Types extends readonly EntityClass[]> =
  { [I in keyof Types]: RowChange<InstanceType<Types[I]>> }[number] | PartitionEvent;

/**
 * Returns whether a change is of a row of this class. Use it to tell the classes of one stream apart.
 *
 * ```ts
 * if (isChangeOf(change, Order)) console.log(change.after?.status);
 * ```
 */
export function isChangeOf<E extends object>(
  change: { readonly type: string; readonly entity: string },
  type: EntityClass<E>,
): change is RowChange<E> {
  return change.type !== 'event' && change.type !== 'gap' && change.entity === entityOptions(type)?.name;
}
