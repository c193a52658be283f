import type { EntityKey } from '../keys/entity-key.js';
import { type CollectionSchema } from '../schema/collection-schema.js';
import { COLLECTION_KINDS } from '../decorators/collection-kind.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { pushAll } from '../common/push-all.js';
import type { Stored } from '../codec/codec.js';

/** A command on the key of a collection; its arguments follow the key. */
export interface CollectionCall {
  readonly command: string;
  readonly args: readonly Stored[];
}

/** The server's replies, one list per call. */
export type CollectionReplies = readonly (readonly Buffer[])[];

/** The calls to run on the collections of one row, by property. */
export type CollectionWrites = ReadonlyMap<string, readonly CollectionCall[]>;

/** A collection of a row, and its key. */
export interface CollectionPlace {
  readonly schema: EntitySchema;
  readonly collection: CollectionSchema;
  readonly key: EntityKey;
}

/** Returns the key of a collection: `{Order:42}:Order:42:tags`. No value is part of it, so scripts can declare it. */
export const collectionKey = ({ row }: EntityKey, { property }: Pick<CollectionSchema, 'property'>): string =>
  `${row}:${property}`;

/** The Lua stack holds some 8,000 values. This is a multiple of the group size of every command's arguments. */
const ARGUMENTS_AT_ONCE = 5_000;

/** Splits any number of arguments into calls of one command. No arguments make no calls. */
export function callsOf(command: string, args: readonly Stored[]): CollectionCall[] {
  const calls: CollectionCall[] = [];
  for (let from = 0; from < args.length; from += ARGUMENTS_AT_ONCE)
    calls.push({ command, args: args.slice(from, from + ARGUMENTS_AT_ONCE) });
  return calls;
}

/** Returns the sum of replies that are one number per call. */
export const sumOf = (replies: CollectionReplies): number =>
  replies.reduce((sum, [count]) => sum + Number(count), 0);

/** Encodes calls for the scripts: the command, the number of its arguments, the arguments. */
export function callArguments(calls: readonly CollectionCall[]): Stored[] {
  return calls.flatMap(({ command, args }) => [command, String(args.length), ...args]);
}

/**
 * Encodes a row's collections for the commit script: those that expire with the row, and the writes to them.
 *
 * @param place returns the number of a key in KEYS.
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

/** Splits a script's reply into the replies of its calls: for each call the number of parts, then the parts. */
export function repliesOf(parts: readonly Buffer[]): Buffer[][] {
  const replies: Buffer[][] = [];
  for (let at = 0; at < parts.length;) {
    const end = at + 1 + Number(parts[at]);
    replies.push(parts.slice(at + 1, end));
    at = end;
  }
  return replies;
}
