import { randomBelow, seededRandom, type Random } from '../../../lib/testing/memory/keyspace/random.js';
import { KEY_KINDS } from '../schedules/key-kinds.js';
import type { CallForm, Calls, Fault, Publication, Schedule } from '../schedules/schedule.js';
import { pick } from './pick.js';
import { randomSchedule, TAGS } from './random-schedule.js';
import { loneFreeze, randomSituation, type Situation } from './situations.js';

/** How long calls, messages and faults begin. */
const LENGTH_MS = 2_500;
const NODES = 6;
const SHARDS = 3;
/** What is forbidden for a while. */
const RULES: readonly string[] = ['get', 'set', 'mset', '@write'];
/** Kinds of keys that only these schedules have. */
const LETTERS = ['p', 'p', 'e', 'q', 'q', 'r', 'd'];
/** Kinds of keys that are called on connections of their own. */
const LEASED = 'qrd';
/** Kinds of keys that show the order of calls, and calls that ran twice. */
const TELLING_LETTERS = ['l', 'l', 'w', 'n', 'q', 'r', 'd'];
const FORMS: readonly CallForm[] = ['each', 'each', 'each', 'pipeline', 'multi'];
/** How often a schedule has a situation in the place of random faults. */
const SITUATION_SHARE = 0.5;
/** One schedule in so many has nothing but a primary that freezes, and calls of its keys. */
const ALONE_EVERY = 40;

type FaultMaker = (random: Random, at: number) => Fault;

const nodeOf = (random: Random): number => randomBelow(random, random() < 0.8 ? SHARDS : NODES);
const lengthBelow = (random: Random, limit: number): number => 20 + randomBelow(random, limit);

/** Faults that only these schedules have. */
const FAULTS: readonly FaultMaker[] = [
  (random, at) => ({ at, fault: 'forbid', rule: pick(random, RULES), ms: lengthBelow(random, 800) }),
  (random, at) => ({ at, fault: 'lockOut', node: nodeOf(random), ms: lengthBelow(random, 1_200) }),
  (random, at) => ({ at, fault: 'rotate', ms: lengthBelow(random, 400) }),
  (random, at) => ({ at, fault: 'limit', node: nodeOf(random), ms: lengthBelow(random, 1_200) }),
  (random, at) => ({ at, fault: 'lag', node: randomBelow(random, NODES), ms: lengthBelow(random, 3_000) }),
  (random, at) => ({ at, fault: 'move', tag: pick(random, TAGS), shard: randomBelow(random, SHARDS) }),
];

/**
 * Returns a random schedule with calls of several keys, values that expire, messages, and faults of rights, limits and
 * views, beside those of `randomSchedule`. In half of them a situation takes the place of random faults. The same seed
 * gives the same one.
 */
export function randomMixedSchedule(seed: number): Schedule {
  const plain = randomSchedule(seed);
  if (seed % ALONE_EVERY === 0) return loneSchedule(plain);
  const random = seededRandom(seed + 0x3a1d);
  const time = (): number => Math.round(random() * LENGTH_MS);
  const maker = new CallMaker(random);
  const situation = random() < SITUATION_SHARE ? randomSituation(random, 300 + time()) : undefined;
  const faults = situation?.faults ?? [
    ...plain.faults.slice(0, randomBelow(random, 3)),
    pick(random, FAULTS)(random, time()),
  ];
  const keptShare = situation === undefined ? 0.5 : 0.25;
  const calls = [
    ...plain.calls.filter(() => random() < keptShare),
    ...Array.from({ length: 15 + randomBelow(random, 15) }, () => maker.callsAt(time())),
    ...(situation === undefined ? [] : maker.frequentCalls(situation)),
  ];
  return {
    ...plain,
    clockSkewMs: pick(random, [0, 0, 30]),
    replyTimeoutMs: pick(random, [200, 200, 5_000]),
    faults: byTime(faults),
    calls: byTime(situation?.isWithoutTransactions === true ? calls.map(withoutTransaction) : calls),
    messages: random() < 0.4 ? byTime(messagesOf(random, time, situation)) : [],
    ...situation?.options,
  };
}

function loneSchedule(plain: Schedule): Schedule {
  const random = seededRandom(plain.seed);
  const situation = loneFreeze(random, 300);
  const calls = new CallMaker(random).frequentCalls(situation);
  return { ...plain, faults: situation.faults, calls: byTime(calls), ...situation.options };
}

/** Makes calls that no other call is like. */
class CallMaker {
  private serial = 1_000;

  constructor(private readonly random: Random) {}

  /** Calls on one key of a kind that only these schedules have. */
  callsAt(at: number): Calls {
    const { random } = this;
    const letter = pick(random, LETTERS);
    const key = `${letter}{${pick(random, TAGS)}}`;
    const calls = Array.from({ length: 1 + randomBelow(random, 3) }, () => this.callOf(key));
    const form = LEASED.includes(letter) ? 'each' : pick(random, FORMS);
    return { at, client: randomBelow(random, 2), form, calls };
  }

  /** One client calls one key again and again, and others of its slot. */
  frequentCalls({ tag, from, to }: Situation): Calls[] {
    const { random } = this;
    const client = randomBelow(random, 2);
    const letter = pick(random, TELLING_LETTERS);
    const count = 12 + randomBelow(random, 12);
    return Array.from({ length: count }, (): Calls => {
      const own = random() < 0.75 ? letter : pick(random, TELLING_LETTERS);
      const at = Math.round(from + random() * (to - from));
      return { at, client, form: 'each', calls: [this.callOf(`${own}{${tag}}`)] };
    });
  }

  private callOf(key: string): Calls['calls'][number] {
    if (this.random() < 0.4) return [key, 'read'];
    return [key, ...pick(this.random, KEY_KINDS[key[0]].writes)(++this.serial)];
  }
}

/** Messages at any time, and frequent ones while a situation lasts. */
function messagesOf(random: Random, time: () => number, situation: Situation | undefined): Publication[] {
  const messageAt = (at: number, tag: string): Publication => ({
    at,
    client: randomBelow(random, 2),
    channel: `${pick(random, ['c', 's'])}{${tag}}`,
  });
  const messages = Array.from({ length: 10 + randomBelow(random, 40) }, () =>
    messageAt(time(), pick(random, TAGS)),
  );
  if (situation === undefined) return messages;
  const { tag, from, to } = situation;
  const frequent = Array.from({ length: 20 }, () =>
    messageAt(Math.round(from + random() * (to - from)), tag),
  );
  return [...messages.slice(0, 10), ...frequent];
}

const withoutTransaction = (calls: Calls): Calls =>
  calls.form === 'multi' ? { ...calls, form: 'pipeline' } : calls;

const byTime = <T extends { readonly at: number }>(list: readonly T[]): T[] =>
  list.toSorted((a, b) => a.at - b.at);
