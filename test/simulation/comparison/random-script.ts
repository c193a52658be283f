import { type Random, randomBelow, seededRandom } from '../../../lib/testing/memory/keyspace/random.js';
import type { Script, Step } from './run-script.js';

const LENGTH = 120;

/** Connections: two to each primary, one to each replica. */
const CONNECTIONS = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2', 'D1', 'E1', 'F1'];

/** Steps of a connection, as often as they are here. Words in capitals at the end stand for keys and values. */
const COMMANDS: readonly string[] = [
  ...['get K', 'set K V', 'set K V', 'incr K', 'append K V', 'strlen K', 'getset K V', 'del K', 'set K V NX'],
  ...[
    'mget K K',
    'mset K V K V',
    'del K K',
    'exists K K',
    'rename K K',
    'msetnx K V K V',
    'mget K O',
    'type K',
  ],
  ...[
    'rpush L V',
    'lrange L 0 -1',
    'lpop L',
    'rpoplpush L L',
    'sadd S V',
    'srem S V',
    'scard S',
    'smove S S V',
  ],
  ...[
    'hset H f V',
    'hgetall H',
    'hincrby H n 1',
    'get L',
    'set K',
    'rpush K V',
    'persist K',
    'pexpireat K 1',
  ],
  ...['asking', 'asking', 'asking', 'readonly', 'readwrite', 'ping', 'unwatch', 'watch K', 'watch K L'],
  ...['multi', 'multi', 'multi', 'exec', 'exec', 'exec', 'exec', 'discard', 'spublish K V', 'publish K V'],
];
const SCRIPT = "return redis.call('APPEND', KEYS[1], ARGV[1])";

/** What a name in a command stands for; `O` is a key of any slot. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  K: ['k', 'l', 'm'],
  L: ['q', 'r'],
  S: ['s', 't'],
  H: ['h', 'i'],
  O: ['k', 'l'],
  V: ['1', '7', 'x'],
};

/** Returns a script of random steps at random nodes, most of which concern one slot, while that slot moves to B. */
export function randomScript(seed: number): Script {
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[randomBelow(random, list.length)];
  const word = (name: string): string => {
    if (!Object.hasOwn(NAMES, name)) return name;
    const value = pick(NAMES[name]);
    if (name === 'V') return value;
    return value + tagFor(random, name);
  };
  const steps: Step[] = [];
  /** Connections with a transaction that has begun. */
  const open = new Set<string>();
  const [begin, end] = [20 + randomBelow(random, 20), 80 + randomBelow(random, 30)];
  for (let at = 0; at < LENGTH; at++) {
    if (at === begin) steps.push(['!begin', '{a}', 'A', 'B']);
    if (at === end) steps.push(['!end']);
    if (at > begin && at < end && random() < 0.15) steps.push(['!move', `${pick([...'klmqrst'])}{a}`]);
    const isMoving = at > begin && at <= end;
    const connection = random() < 0.8 ? pick(CONNECTIONS.slice(0, 4)) : pick(CONNECTIONS);
    // versions differ in what replicas know of a slot on its way, and in what they say of a transaction inside another one
    const isReplica = 'DEF'.includes(connection[0]);
    if (isReplica && isMoving) continue;
    const command = pick(COMMANDS);
    if (/^(multi|watch)/.test(command) && open.has(connection)) continue;
    // replicas have a write after a while
    if (isReplica) steps.push(['!settle']);
    if (random() < 0.05) steps.push([connection, 'eval', SCRIPT, '1', word('K'), word('V')]);
    else {
      if (command === 'multi') open.add(connection);
      if (command === 'exec' || command === 'discard') open.delete(connection);
      steps.push([connection, ...command.split(' ').map(word)] as unknown as Step);
    }
  }
  return steps;
}

const tagFor = (random: Random, name: string): string => {
  if (name === 'O' && random() < 0.5) return '{b}';
  return random() < 0.92 ? '{a}' : '{c}';
};
