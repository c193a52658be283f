import { PLAIN_SHAPES, type CallShape, type ReplyTransform } from '../cluster/command.js';

/** Commands whose reply is not given as the server sends it; the shapes are those of ioredis. */
const RESP2: ReadonlyMap<string, ReplyTransform> = new Map([['hgetall', pairsToObject]]);

/** Commands whose structure, and not only its types, differs in RESP3; here they get that of RESP2 again. */
const RESP3: ReadonlyMap<string, ReplyTransform> = new Map([
  ...RESP2,
  ...['zdiff', 'zinter', 'zunion', 'zpopmax', 'zpopmin', 'zrandmember', 'hrandfield', 'vsim'].map(flattened),
  ...['zrange', 'zrangebyscore', 'zrevrange', 'zrevrangebyscore'].map(flattened),
  ['xread', pairUp],
  ['xreadgroup', pairUp],
]);

/** How the reply of a command is given to the caller; `buffers` asks for Buffers in the place of strings. */
export function replyShape(name: string, protocol: 2 | 3, buffers: boolean): CallShape {
  const transform = (protocol === 2 ? RESP2 : RESP3).get(name);
  if (transform !== undefined) return { buffers, transform };
  return buffers ? PLAIN_SHAPES.buffers : PLAIN_SHAPES.strings;
}

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

function flattened(name: string): readonly [string, ReplyTransform] {
  return [name, (reply) => (Array.isArray(reply) ? reply.flat(1) : reply)];
}

function pairUp(reply: unknown): unknown {
  // leased connections speak RESP2 whatever the option says, and give pairs
  if (!Array.isArray(reply) || Array.isArray(reply[0])) return reply;
  return Array.from({ length: reply.length / 2 }, (_, i) => [reply[2 * i], reply[2 * i + 1]]);
}
