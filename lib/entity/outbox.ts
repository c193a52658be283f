import { SLOT_COUNT, keySlot } from '../cluster/key-slot.js';
import type { EntitySchema } from './entity-schema.js';

/** How the changes of an entity class are recorded. */
export interface ChangesSchema {
  /** About how many changes the outbox of a slot keeps. */
  readonly maxLength: number;
}

/** How many changes the outbox of a slot keeps, unless the entity says otherwise. */
export const OUTBOX_LENGTH = 1_000;

/** What `@ClusterEntity({ changes })` means; what is wrong in it is told to `fault`. */
export function buildChanges(given: unknown, fault: (what: string) => void): ChangesSchema | undefined {
  if (given === undefined || given === false) return undefined;
  if (given === true) return { maxLength: OUTBOX_LENGTH };
  const { maxLength } = Object(given) as { maxLength?: unknown };
  if (Number.isSafeInteger(maxLength) && (maxLength as number) >= 1)
    return { maxLength: maxLength as number };
  fault('has the option changes, which is true, or { maxLength } with a whole number from 1');
  return undefined;
}

/** An event of a transaction. */
export interface EmittedEvent {
  readonly type: string;
  /** As JSON. */
  readonly payload: string;
}

/** Where a commit tells its changes. */
export interface Outbox {
  readonly key: string;
  readonly maxLength: number;
  /** The id of the partition, as it stands in keys. */
  readonly partitionText: string;
  readonly events: readonly EmittedEvent[];
}

let tags: readonly number[] | undefined;

/** The smallest whole number whose text hashes to a slot: a hash tag for keys of the slot itself. */
function slotTag(slot: number): number {
  return (tags ??= smallestNumbers())[slot];
}

// A hundred thousand hashes, once: some milliseconds.
function smallestNumbers(): number[] {
  const numbers: number[] = [];
  for (let number = 0, left = SLOT_COUNT; left > 0; number++) {
    const slot = keySlot(String(number));
    if (numbers[slot] !== undefined) continue;
    numbers[slot] = number;
    left--;
  }
  return numbers;
}

/**
 * The stream that takes the changes of all partitions of an owner that are in one slot: `{1234}:Order~ev`. One a slot,
 * not one a partition, so that all of them can be followed, without a list of partitions that would have to be kept.
 */
export const outboxKey = (partitionName: string, slot: number): string =>
  `{${slotTag(slot)}}:${partitionName}~ev`;

/** The outbox for a commit in a partition; undefined where nothing is to be told. */
export function outboxOf(
  tag: string,
  schemas: readonly EntitySchema[],
  events: readonly EmittedEvent[] = [],
): Outbox | undefined {
  const lengths = schemas.flatMap(({ changes }) => changes?.maxLength ?? []);
  if (lengths.length === 0) return undefined;
  const [name, partitionText] = splitTag(tag);
  return { key: outboxKey(name, keySlot(tag)), maxLength: Math.max(...lengths), partitionText, events };
}

/** The name of the owner and the id in a partition's tag. */
export function splitTag(tag: string): [partitionName: string, partitionText: string] {
  const colon = tag.indexOf(':');
  return [tag.slice(1, colon), tag.slice(colon + 1, -1)];
}
