import { randomBelow, seededRandom, type Random } from '../../../lib/testing/memory/keyspace/random.js';
import { KEY_KINDS } from './key-kinds.js';
import { randomSchedule, TAGS } from './random-schedule.js';
import type { Calls, Fault, Publication, Schedule } from './schedule.js';

/** How long calls, messages and faults begin. */
const LENGTH_MS = 2_500;
const NODES = 6;
const SHARDS = 3;
/** What is forbidden for a while. */
const RULES: readonly string[] = ['get', 'set', 'mset', '@write'];
/** Kinds of keys that only these schedules have. */
const LETTERS = ['p', 'p', 'e'];

const pick = <T>(random: Random, list: readonly T[]): T => list[randomBelow(random, list.length)];

type FaultMaker = (random: Random, at: number) => Fault;

const nodeOf = (random: Random): number => randomBelow(random, random() < 0.8 ? SHARDS : NODES);
const lengthBelow = (random: Random, limit: number): number => 20 + randomBelow(random, limit);

/** Faults that only these schedules have. */
const FAULTS: readonly FaultMaker[] = [
  (random, at) => ({ at, fault: 'forbid', rule: pick(random, RULES), ms: lengthBelow(random, 800) }),
  (random, at) => ({ at, fault: 'lockOut', node: nodeOf(random), ms: lengthBelow(random, 1_200) }),
  (random, at) => ({ at, fault: 'limit', node: nodeOf(random), ms: lengthBelow(random, 1_200) }),
  (random, at) => ({ at, fault: 'lag', node: randomBelow(random, NODES), ms: lengthBelow(random, 3_000) }),
  (random, at) => ({ at, fault: 'move', tag: pick(random, TAGS), shard: randomBelow(random, SHARDS) }),
];

/** A fault that comes alone, so that what clients do about it can be told. */
const LONE_FAULTS: readonly FaultMaker[] = [
  (random, at) => ({ at, fault: 'vanish', node: nodeOf(random) }),
  (random, at) => ({ at, fault: 'freeze', node: randomBelow(random, SHARDS), ms: 4_000 }),
  (random, at) => ({ at, fault: 'move', tag: pick(random, TAGS), shard: randomBelow(random, SHARDS) }),
  (random, at) => ({ at, fault: 'kill', node: randomBelow(random, SHARDS), ms: 1_500 }),
];

/**
 * Returns a random schedule with calls of several keys, values that expire, messages, and faults of rights, limits and
 * views, beside those of `randomSchedule`. The same seed gives the same one.
 */
export function randomMixedSchedule(seed: number): Schedule {
  const plain = randomSchedule(seed);
  const random = seededRandom(seed + 0x3a1d);
  let serial = 1_000;
  const time = (): number => Math.round(random() * LENGTH_MS);
  const callsAt = (at: number): Calls => {
    const key = `${pick(random, LETTERS)}{${pick(random, TAGS)}}`;
    const calls = Array.from({ length: 1 + randomBelow(random, 3) }, (): Calls['calls'][number] =>
      random() < 0.4 ? [key, 'read'] : [key, ...pick(random, KEY_KINDS[key[0]].writes)(++serial)],
    );
    const form = pick(random, ['each', 'each', 'each', 'pipeline', 'multi'] as const);
    return { at, client: randomBelow(random, 2), form, calls };
  };
  const messageAt = (at: number): Publication => ({
    at,
    client: randomBelow(random, 2),
    channel: `${pick(random, ['c', 's'])}{${pick(random, TAGS)}}`,
  });
  const isLone = random() < 0.35;
  const faults = isLone
    ? [pick(random, LONE_FAULTS)(random, time())]
    : [...plain.faults.slice(0, randomBelow(random, 3)), pick(random, FAULTS)(random, time())];
  const byTime = <T extends { readonly at: number }>(list: readonly T[]): T[] =>
    list.toSorted((a, b) => a.at - b.at);
  return {
    ...plain,
    clockSkewMs: pick(random, [0, 0, 30]),
    replyTimeoutMs: isLone ? 200 : pick(random, [200, 200, 5_000]),
    faults: byTime(faults),
    calls: byTime([
      ...plain.calls.filter(() => random() < 0.5),
      ...Array.from({ length: 15 + randomBelow(random, 15) }, () => callsAt(time())),
    ]),
    messages:
      random() < 0.4
        ? byTime(Array.from({ length: 10 + randomBelow(random, 40) }, () => messageAt(time())))
        : [],
  };
}
