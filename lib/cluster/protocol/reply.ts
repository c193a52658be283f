import type { ReplyError } from '../common/errors.js';

/** A reply of a server, in the form of RESP2 (as ioredis returns it by default). */
export type Reply = string | number | bigint | boolean | Buffer | null | ReplyError | Reply[];

/**
 * Changes everything in a reply that is neither a list nor a map. Changes lists and maps in place, as nothing
 * else refers to them. Avoids recursion, as scripts can return any depth of nesting.
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

// an assignment to __proto__ would change the prototype rather than add a field
function put(object: Record<string, unknown>, field: string, value: unknown): void {
  if (field !== '__proto__') object[field] = value;
  else Object.defineProperty(object, field, { value, configurable: true, enumerable: true, writable: true });
}

/** Returns an object of alternating fields and values. Fields may have any name. */
export function objectOfPairs(pairs: readonly Reply[]): Record<string, Reply> {
  const object: Record<string, Reply> = {};
  for (let i = 0; i + 1 < pairs.length; i += 2) put(object, String(pairs[i]), pairs[i + 1]);
  return object;
}

/** Sends one command on a connection, and returns the reply. Rejects with a ReplyError for an error reply. */
export type Ask = (name: string, ...args: string[]) => Promise<Reply>;
