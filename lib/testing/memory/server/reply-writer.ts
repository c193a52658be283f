import { formatDouble } from '../command-parts/numbers.js';
import {
  CommandError,
  DoubleReply,
  MapReply,
  type MemoryReply,
  NO_LIST,
  PairsReply,
  PushReply,
  SetReply,
  StatusReply,
  StreamsReply,
} from '../command-parts/reply.js';

/**
 * Returns a reply as a server sends it: text of bytes.
 *
 * @see {@link https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md | RESP3}
 */
export function writeReply(reply: MemoryReply, protocol: 2 | 3): string {
  const isNew = protocol === 3;
  if (typeof reply === 'string') return bulk(reply);
  if (typeof reply === 'number' || typeof reply === 'bigint') return `:${reply}\r\n`;
  if (reply === null) return isNew ? '_\r\n' : '$-1\r\n';
  if (reply === NO_LIST) return isNew ? '_\r\n' : '*-1\r\n';
  if (reply instanceof StatusReply) return `+${reply.text}\r\n`;
  if (reply instanceof CommandError) return `-${reply.message.replace(/[\r\n]+/g, ' ')}\r\n`;
  if (reply instanceof DoubleReply)
    return isNew ? `,${formatDouble(reply.value)}\r\n` : bulk(formatDouble(reply.value));
  if (reply instanceof MapReply) return aggregate(isNew ? '%' : '*', reply.items, protocol);
  if (reply instanceof SetReply) return aggregate(isNew ? '~' : '*', reply.items, protocol);
  if (reply instanceof PushReply) return aggregate(isNew ? '>' : '*', reply.items, protocol);
  if (reply instanceof PairsReply) return aggregate('*', isNew ? reply.pairs : reply.pairs.flat(), protocol);
  if (reply instanceof StreamsReply)
    return isNew ? aggregate('%', reply.pairs.flat(), protocol) : aggregate('*', reply.pairs, protocol);
  return aggregate('*', reply as readonly MemoryReply[], protocol);
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

function aggregate(sign: string, items: readonly MemoryReply[], protocol: 2 | 3): string {
  const count = sign === '%' ? items.length / 2 : items.length;
  let text = `${sign}${count}\r\n`;
  for (const item of items) text += writeReply(item, protocol);
  return text;
}
