import { keySlot } from '../../cluster/topology/key-slot.js';
import { currentTraceHeaders, type TraceHeaders } from '../../cluster/diagnostics/trace-headers.js';
import { outboxKey, splitTag } from '../keys/outbox-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';

/** An event that a transaction emits. */
export interface EmittedEvent {
  readonly type: string;
  /** The payload as JSON. */
  readonly payload: string;
}

/** Where a commit records its changes. */
export interface Outbox {
  readonly key: string;
  readonly maxLength: number;
  /** The id of the partition, as in keys. */
  readonly partitionText: string;
  readonly events: readonly EmittedEvent[];
  /** The trace context of the writer, if there is one. */
  readonly headers?: TraceHeaders | undefined;
}

/** Returns the outbox for a commit in a partition; undefined if none of the classes records changes. */
export function outboxOf(
  tag: string,
  schemas: readonly EntitySchema[],
  events: readonly EmittedEvent[] = [],
): Outbox | undefined {
  const lengths = schemas.flatMap(({ changes }) => changes?.maxLength ?? []);
  if (lengths.length === 0) return undefined;
  const [name, partitionText] = splitTag(tag);
  return {
    key: outboxKey(name, keySlot(tag)),
    maxLength: Math.max(...lengths),
    partitionText,
    events,
    headers: currentTraceHeaders(),
  };
}
