import type { EntityKey } from '../keys/entity-key.js';
import { type CollectionSchema } from '../schema/collection-schema.js';
import { COLLECTION_KINDS } from '../decorators/collection-kind.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { pushAll } from '../common/push-all.js';
import type { Stored } from '../codec/codec.js';

/** A command on the key of a collection; its arguments come behind the key. */
export interface CollectionCall {
  readonly command: string;
  readonly args: readonly Stored[];
}

/** What the server has answered to each call. */
export type CollectionReplies = readonly (readonly Buffer[])[];

/** What is to be done to collections of one row, by their properties. */
export type CollectionWrites = ReadonlyMap<string, readonly CollectionCall[]>;

/** A collection of a row. */
export interface CollectionPlace {
  readonly schema: EntitySchema;
  readonly collection: CollectionSchema;
  readonly key: EntityKey;
}

/** The key of a collection: `{Order:42}:Order:42:tags`. It depends on no value, so scripts can declare it. */
export const collectionKey = ({ row }: EntityKey, { property }: Pick<CollectionSchema, 'property'>): string =>
  `${row}:${property}`;

/** Lua's stack takes some 8,000 values at once; a multiple of what any command takes in groups. */
const ARGUMENTS_AT_ONCE = 5_000;

/** Calls of one command over any number of arguments; none for none. */
export function callsOf(command: string, args: readonly Stored[]): CollectionCall[] {
  const calls: CollectionCall[] = [];
  for (let from = 0; from < args.length; from += ARGUMENTS_AT_ONCE)
    calls.push({ command, args: args.slice(from, from + ARGUMENTS_AT_ONCE) });
  return calls;
}

/** The sum of what calls have answered with a number each. */
export const sumOf = (replies: CollectionReplies): number =>
  replies.reduce((sum, [count]) => sum + Number(count), 0);

/** Calls as the scripts take them: the command, the number of its arguments, the arguments. */
export function callArguments(calls: readonly CollectionCall[]): Stored[] {
  return calls.flatMap(({ command, args }) => [command, String(args.length), ...args]);
}

/**
 * A row's collections as the commit script takes them: those that live and end with it, and what is written to them.
 *
 * @param place gives the number of a key in KEYS.
 */
export function collectionArguments(
  { schema, key, collected }: { schema: EntitySchema; key: EntityKey; collected?: CollectionWrites },
  isCovered: boolean,
  place: (key: string) => string,
): Stored[] {
  const covered = isCovered ? schema.collections : [];
  const args: Stored[] = [
    String(covered.length),
    ...covered.map((collection) => place(collectionKey(key, collection))),
    String(collected?.size ?? 0),
  ];
  for (const collection of schema.collections) {
    const calls = collected?.get(collection.property);
    if (!calls) continue;
    args.push(
      place(collectionKey(key, collection)),
      collection.property,
      COLLECTION_KINDS[collection.kind].type,
    );
    args.push(String(calls.length));
    pushAll(args, callArguments(calls));
  }
  return args;
}

/** What each call has answered, of what the scripts answer: for each the number of its parts, and the parts. */
export function repliesOf(parts: readonly Buffer[]): Buffer[][] {
  const replies: Buffer[][] = [];
  for (let at = 0; at < parts.length;) {
    const end = at + 1 + Number(parts[at]);
    replies.push(parts.slice(at + 1, end));
    at = end;
  }
  return replies;
}
