import type { Input, Plain } from '../checker/history.js';
import type { Model } from '../checker/model.js';
import { COMPARE_AND_SET } from '../checker/models/compare-and-set.js';
import { EXPIRING } from '../checker/models/expiring.js';
import { COUNTER } from '../checker/models/counter.js';
import { LIST } from '../checker/models/list.js';
import { MEMBER_SET } from '../checker/models/member-set.js';
import { QUEUE } from '../checker/models/queue.js';
import { REGISTER } from '../checker/models/register.js';
import { STREAM } from '../checker/models/stream.js';

/** The words of a command. */
export type Words = readonly [name: string, ...args: (string | number)[]];

/** A kind of key: its model, and the commands that its operations stand for. */
export interface KeyKind {
  readonly model: Model;
  /** Operations that write, from a number that no other call has. */
  readonly writes: readonly ((serial: number) => Input)[];
  readonly read: Words[0];
  /** How long an operation waits for something to return, in ms. It runs on a connection of its own. */
  waitMs?(input: Input): number;
  /** Whether writes wait for a replica, on connections of their own. */
  readonly isDurable?: boolean;
  words(key: string, input: Input): Words;
  /** Returns the reply of a command as the model returns it. */
  output(input: Input, reply: unknown): Plain;
}

/** Sets a key if it has the expected value, or is absent and the expected value is empty. */
export const REPLACE_SCRIPT =
  "if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end redis.call('SET', KEYS[1], ARGV[2]) return 1";

const unchanged = (_: Input, reply: unknown): Plain => reply as Plain;

/** The kinds of keys, by the first letter of a key. */
export const KEY_KINDS: Readonly<Record<string, KeyKind>> = {
  w: {
    model: REGISTER,
    writes: [(serial) => ['write', `v${serial}`]],
    read: 'get',
    words: (key, [name, value]) => (name === 'write' ? ['set', key, String(value)] : ['get', key]),
    output: unchanged,
  },
  n: {
    model: COUNTER,
    writes: [(serial) => ['add', 1 + (serial % 3)]],
    read: 'get',
    words: (key, [name, by]) => (name === 'add' ? ['incrby', key, Number(by)] : ['get', key]),
    output: (_, reply) => Number(reply),
  },
  m: {
    model: MEMBER_SET,
    writes: [(serial) => ['add', `e${serial % 4}`], (serial) => ['remove', `e${serial % 4}`]],
    read: 'smembers',
    words: (key, [name, member]) =>
      name === 'read' ? ['smembers', key] : [name === 'add' ? 'sadd' : 'srem', key, String(member)],
    output: ([name], reply) => (name === 'read' ? (reply as string[]).toSorted() : Number(reply)),
  },
  l: {
    model: LIST,
    writes: [(serial) => ['append', `e${serial}`]],
    read: 'lrange',
    words: (key, [name, element]) =>
      name === 'append' ? ['rpush', key, String(element)] : ['lrange', key, 0, -1],
    output: unchanged,
  },
  // two keys that are always written together
  p: {
    model: REGISTER,
    writes: [(serial) => ['write', `v${serial}`]],
    read: 'mget',
    words: (key, [name, value]) =>
      name === 'write'
        ? ['mset', `${key}1`, String(value), `${key}2`, String(value)]
        : ['mget', `${key}1`, `${key}2`],
    output([name], reply) {
      if (name === 'write') return reply as Plain;
      const [first, second] = reply as Plain[];
      return first === second ? first : [first, second];
    },
  },
  e: {
    model: EXPIRING,
    writes: [150, 500, 1_500].map((ms) => (serial: number): Input => ['write', `v${serial}`, ms]),
    read: 'get',
    words: (key, [name, value, ms]) =>
      name === 'write' ? ['set', key, String(value), 'PX', Number(ms)] : ['get', key],
    output: unchanged,
  },
  // elements that are taken by calls that wait for them
  q: {
    model: QUEUE,
    writes: [
      (serial) => ['push', `e${serial}`],
      (serial) => ['push', `e${serial}`],
      () => ['pop', 250],
      () => ['pop', 901],
    ],
    read: 'lrange',
    waitMs: ([name, ms]) => (name === 'pop' ? Number(ms) : 0),
    words(key, [name, value]) {
      if (name === 'push') return ['rpush', key, String(value)];
      if (name === 'read') return ['lrange', key, 0, -1];
      const seconds = Number(value) / 1_000;
      return Number(value) % 2 === 0 ? ['blpop', key, seconds] : ['blmpop', seconds, 1, key, 'LEFT'];
    },
    output: ([name], reply) => (name === 'pop' ? (reply as Plain[]).flat()[1] : (reply as Plain)),
  },
  // a stream whose readers wait for its first entry
  r: {
    model: STREAM,
    writes: [(serial) => ['append', `e${serial}`], () => ['wait', 600]],
    read: 'xrange',
    waitMs: ([name, ms]) => (name === 'wait' ? Number(ms) : 0),
    words(key, [name, value]) {
      if (name === 'append') return ['xadd', key, '*', 'e', String(value)];
      return name === 'wait'
        ? ['xread', 'BLOCK', Number(value), 'STREAMS', key, '0']
        : ['xrange', key, '-', '+'];
    },
    output([name], reply) {
      if (name === 'append') return true;
      const entries = (name === 'wait' ? (reply as Plain[][])[0][1] : reply) as Plain[][][];
      return entries.map(([, fields]) => fields[1]);
    },
  },
  d: {
    model: REGISTER,
    isDurable: true,
    writes: [(serial) => ['write', `v${serial}`]],
    read: 'get',
    words: (key, [name, value]) => (name === 'write' ? ['set', key, String(value)] : ['get', key]),
    output: unchanged,
  },
  x: {
    model: COMPARE_AND_SET,
    writes: [
      (serial) => ['replace', null, `v${serial}`],
      (serial) => ['replace', `v${serial - 3}`, `v${serial}`],
    ],
    read: 'get',
    words: (key, [name, expected, value]) =>
      name === 'replace'
        ? ['eval', REPLACE_SCRIPT, 1, key, String(expected ?? ''), String(value)]
        : ['get', key],
    output: unchanged,
  },
};

/** Returns the kind of a key. */
export const kindOf = (key: string): KeyKind => KEY_KINDS[key[0]];
