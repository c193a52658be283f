import type { ReplyTransform } from '../cluster/command.js';

/** Commands whose reply is not given as the server sends it; the shapes are those of ioredis. */
export const replyTransforms: ReadonlyMap<string, ReplyTransform> = new Map([['hgetall', pairsToObject]]);

function pairsToObject(reply: unknown): unknown {
  if (!Array.isArray(reply)) return reply;
  const object: Record<string, unknown> = {};
  for (let i = 0; i < reply.length; i += 2) {
    const field = String(reply[i]);
    // an assignment to __proto__ would not make a field, it would change the object's prototype
    if (field in object) {
      Object.defineProperty(object, field, {
        value: reply[i + 1],
        configurable: true,
        enumerable: true,
        writable: true,
      });
    } else {
      object[field] = reply[i + 1];
    }
  }
  return object;
}
