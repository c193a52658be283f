import { PLAIN_SHAPES, type CallShape, type ReplyTransform } from '../../cluster/command/call-policy.js';
import { objectOfPairs, type Reply } from '../../cluster/protocol/reply.js';
import { numbersAsText, type ReplyTypes } from './reply-types.js';

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

/**
 * How the reply of a command is given to the caller; `buffers` asks for Buffers in the place of strings.
 * @param types where they are not those of RESP2
 */
export function replyShape(
  name: string,
  protocol: 2 | 3,
  buffers: boolean,
  types?: ReplyTypes | undefined,
): CallShape {
  if (types !== undefined) return typedShape(name, protocol, buffers, types);
  const transform = (protocol === 2 ? RESP2 : RESP3).get(name);
  if (transform !== undefined) return { buffers, transform };
  return buffers ? PLAIN_SHAPES.buffers : PLAIN_SHAPES.strings;
}

function typedShape(name: string, protocol: 2 | 3, buffers: boolean, types: ReplyTypes): CallShape {
  const { native, text } = types;
  // a server that knows no RESP3 gives HGETALL as pairs
  const shaped = (protocol === 2 || native ? RESP2 : RESP3).get(name) ?? asIs;
  return { buffers, native, transform: text ? (reply) => numbersAsText(shaped(reply)) : shaped };
}

const asIs: ReplyTransform = (reply) => reply;

function pairsToObject(reply: Reply): unknown {
  return Array.isArray(reply) ? objectOfPairs(reply) : reply;
}

function flattened(name: string): readonly [string, ReplyTransform] {
  return [name, (reply) => (Array.isArray(reply) ? reply.flat(1) : reply)];
}

function pairUp(reply: unknown): unknown {
  // leased connections speak RESP2 whatever the option says, and give pairs
  if (!Array.isArray(reply) || Array.isArray(reply[0])) return reply;
  return Array.from({ length: reply.length / 2 }, (_, i) => [reply[2 * i], reply[2 * i + 1]]);
}
