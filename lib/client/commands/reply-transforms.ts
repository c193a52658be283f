import { PLAIN_SHAPES, type CallShape, type ReplyTransform } from '../../cluster/command/call-policy.js';
import { objectOfPairs, type Reply } from '../../cluster/protocol/reply.js';
import { numbersAsText, type ReplyTypes } from './reply-types.js';

/** Commands whose reply differs from what the server sends; the shapes are those of ioredis. */
const RESP2: ReadonlyMap<string, ReplyTransform> = new Map([['hgetall', pairsToObject]]);

/**
 * Commands whose reply has another structure in RESP3, not only other types; converts it to that of RESP2.
 */
const RESP3: ReadonlyMap<string, ReplyTransform> = new Map([
  ...RESP2,
  ...['zdiff', 'zinter', 'zunion', 'zpopmax', 'zpopmin', 'zrandmember', 'hrandfield', 'vsim'].map(flattened),
  ...['zrange', 'zrangebyscore', 'zrevrange', 'zrevrangebyscore'].map(flattened),
  ['xread', pairUp],
  ['xreadgroup', pairUp],
]);

/** The shapes of the transforms: commands of a pipeline whose replies have one form share a shape. */
const SHAPES: ReadonlyMap<ReplyTransform, Shapes> = new Map([...RESP3.values()].map(shapesOf));

/** The shapes of a transform, with strings and with Buffers. */
type Shapes = Readonly<Record<'strings' | 'buffers', CallShape>>;

function shapesOf(transform: ReplyTransform): readonly [ReplyTransform, Shapes] {
  return [transform, { strings: { buffers: false, transform }, buffers: { buffers: true, transform } }];
}

/**
 * Returns how to convert the reply of a command for the caller.
 * @param buffers whether strings become Buffers
 * @param types the reply types, if they differ from RESP2
 */
export function replyShape(
  name: string,
  protocol: 2 | 3,
  buffers: boolean,
  types?: ReplyTypes | undefined,
): CallShape {
  if (types !== undefined) return typedShape(name, protocol, buffers, types);
  const transform = (protocol === 2 ? RESP2 : RESP3).get(name);
  const shapes = (transform && SHAPES.get(transform)) ?? PLAIN_SHAPES;
  return buffers ? shapes.buffers : shapes.strings;
}

function typedShape(name: string, protocol: 2 | 3, buffers: boolean, types: ReplyTypes): CallShape {
  const { native, text } = types;
  // a server without RESP3 sends HGETALL as pairs
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
  // leased connections always use RESP2, which sends pairs
  if (!Array.isArray(reply) || Array.isArray(reply[0])) return reply;
  return Array.from({ length: reply.length / 2 }, (_, i) => [reply[2 * i], reply[2 * i + 1]]);
}
