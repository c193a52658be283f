import type { ReplyError } from '../common/errors.js';

/** What a server can answer, in the shapes of RESP2 (as ioredis gives them by default). */
export type Reply = string | number | bigint | boolean | Buffer | null | ReplyError | Reply[];

/**
 * A reply with what is neither a list nor a map changed. Lists and maps are changed in place: they are nobody else's;
 * and without recursion: servers nest replies as deep as a script likes.
 */
export function changeLeaves(reply: unknown, change: (leaf: unknown) => unknown): unknown {
  if (!isAggregate(reply)) return change(reply);
  const open = [reply];
  for (let aggregate = open.pop(); aggregate !== undefined; aggregate = open.pop()) {
    for (const field of Object.keys(aggregate)) {
      const value = aggregate[field];
      if (isAggregate(value)) open.push(value);
      else put(aggregate, field, change(value));
    }
  }
  return reply;
}

/** A list, or a map of RESP3 as an object. */
function isAggregate(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

// an assignment to __proto__ would not make a field, it would change the object's prototype
function put(object: Record<string, unknown>, field: string, value: unknown): void {
  if (field !== '__proto__') object[field] = value;
  else Object.defineProperty(object, field, { value, configurable: true, enumerable: true, writable: true });
}

/** An object of fields and values that come in turn; a field of any name is a field. */
export function objectOfPairs(pairs: readonly Reply[]): Record<string, Reply> {
  const object: Record<string, Reply> = {};
  for (let i = 0; i + 1 < pairs.length; i += 2) put(object, String(pairs[i]), pairs[i + 1]);
  return object;
}

/** Sends one command on a connection, and gives the reply; rejects with a ReplyError where the server refuses. */
export type Ask = (name: string, ...args: string[]) => Promise<Reply>;
