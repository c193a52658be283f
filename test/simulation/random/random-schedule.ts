import { randomBelow, seededRandom, type Random } from '../../../lib/testing/memory/keyspace/random.js';
import { KEY_KINDS } from '../schedules/key-kinds.js';
import { pick } from './pick.js';
import type { CallForm, Calls, Fault, Schedule } from '../schedules/schedule.js';

/** Hash tags whose slots are in different shards. */
export const TAGS: readonly string[] = ['a', 'b', 'c'];

/** How long calls and faults begin. */
const LENGTH_MS = 2_500;
const NODES = 6;
const SHARDS = 3;
const REFUSALS: readonly string[] = [
  'LOADING Redis is loading the dataset in memory',
  'CLUSTERDOWN The cluster is down',
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
];

type FaultMaker = (random: Random) => { [F in Fault as F['fault']]: Omit<F, 'at'> }[Fault['fault']];

const nodeOf = (random: Random): number => randomBelow(random, NODES);
/** Mostly primaries, at least at first. */
const primaryOf = (random: Random): number => (random() < 0.8 ? randomBelow(random, SHARDS) : nodeOf(random));

/** Returns a length up to a limit, or, once in a while, one that outlasts the deadline of calls. */
const lengthBelow = (random: Random, limit: number): number =>
  random() < 0.15 ? 4_000 : randomBelow(random, limit);

/** The faults, each as often as the others. */
const FAULTS: readonly FaultMaker[] = [
  (random) => ({ fault: 'freeze', node: primaryOf(random), ms: 50 + lengthBelow(random, 1_500) }),
  (random) => ({ fault: 'kill', node: primaryOf(random), ms: 100 + randomBelow(random, 1_800) }),
  (random) => ({ fault: 'isolate', node: primaryOf(random), ms: 200 + randomBelow(random, 1_500) }),
  (random) => ({
    fault: 'cutOff',
    node: primaryOf(random),
    directions: pick(random, [['up'], ['down'], ['up', 'down']] as const),
    ms: 20 + lengthBelow(random, 1_200),
  }),
  (random) => ({
    fault: 'refuse',
    node: primaryOf(random),
    reply: pick(random, REFUSALS),
    ms: 10 + lengthBelow(random, 500),
  }),
  (random) => ({ fault: 'reset', node: nodeOf(random) }),
  (random) => ({ fault: 'reset', node: primaryOf(random) }),
  (random) => ({ fault: 'vanish', node: primaryOf(random) }),
  (random) => ({ fault: 'flushScripts', node: nodeOf(random) }),
  (random) => ({ fault: 'move', tag: pick(random, TAGS), shard: randomBelow(random, SHARDS) }),
  (random) => ({ fault: 'move', tag: pick(random, TAGS), shard: randomBelow(random, SHARDS) }),
  (random) => ({ fault: 'failOver', shard: randomBelow(random, SHARDS) }),
];

/** Returns a random schedule. The same seed gives the same one. */
export function randomSchedule(seed: number): Schedule {
  const random = seededRandom(seed);
  let serial = 0;
  const time = (): number => Math.round(random() * LENGTH_MS);
  const callOf = (tag: string, letter: string): Calls['calls'][number] => {
    const { writes } = KEY_KINDS[letter];
    const key = `${letter}{${tag}}`;
    return random() < 0.3 ? [key, 'read'] : [key, ...pick(random, writes)(++serial)];
  };
  const letters = ['w', 'n', 'm', 'l', 'x'];
  const callsAt = (at: number): Calls => {
    const form: CallForm = pick(random, ['each', 'each', 'each', 'pipeline', 'multi'] as const);
    const tag = pick(random, TAGS);
    const letter = pick(random, letters);
    const count = form === 'each' && random() < 0.5 ? 1 : 2 + randomBelow(random, 4);
    const calls = Array.from({ length: count }, () => {
      // single calls that are made together show their order on one key
      if (form === 'each') return callOf(tag, letter);
      return callOf(form === 'multi' ? tag : pick(random, TAGS), pick(random, letters));
    });
    return { at, client: randomBelow(random, 2), form, calls };
  };
  const byTime = <T extends { readonly at: number }>(count: number, make: (at: number) => T): T[] =>
    Array.from({ length: count }, time)
      .toSorted((a, b) => a - b)
      .map(make);
  return {
    seed,
    retry: random() < 0.7 ? 'safe' : 'reads',
    gossipMs: pick(random, [5, 50, 400]),
    lagMs: pick(random, [1, 5, 60]),
    faults: byTime(1 + randomBelow(random, 4), (at) => ({ at, ...pick(random, FAULTS)(random) }) as Fault),
    calls: byTime(25 + randomBelow(random, 20), callsAt),
  };
}
