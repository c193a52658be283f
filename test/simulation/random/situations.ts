import { randomBelow, type Random } from '../../../lib/testing/memory/keyspace/random.js';
import { pick } from './pick.js';
import type { Fault, Schedule } from '../schedules/schedule.js';

/** Faults that belong together, and what a schedule needs to show what clients do about them. */
export interface Situation {
  readonly faults: readonly Fault[];
  /** Where calls and messages are frequent while it lasts. */
  readonly tag: string;
  readonly from: number;
  readonly to: number;
  /** Whether transactions would hide what it shows. */
  readonly isWithoutTransactions?: boolean;
  readonly options?: Partial<Schedule>;
}

type SituationMaker = (random: Random, at: number, place: number) => Situation;

const SHARDS = 3;
/** Long enough for a client to find a node silent, and too short for the other nodes. */
const STALL_MS = 350;
/** Longer than the deadline of calls. */
const LONG_MS = 4_000;
/** Replies are waited for longer than the deadline of calls. */
const PATIENT = { replyTimeoutMs: 5_000 };

/** Tags by the primaries that own their slots at first. */
const TAG_OF = ['b', 'c', 'a'] as const;

const otherThan = (random: Random, place: number): number =>
  (place + 1 + randomBelow(random, SHARDS - 1)) % SHARDS;

/** What a situation needs so that a client can get over it before the deadline of its calls. */
const AGREED = { gossipMs: 5, replyTimeoutMs: 200 };

/** The situations. Each happens around a moment, at a primary that owns the slot of the tag with the same place. */
const SITUATIONS: readonly SituationMaker[] = [
  (random, at, node) => ({
    ...around(at, node, 800),
    faults: [{ at, fault: 'vanish', node, share: pick(random, [0.5, 1]) }],
    options: AGREED,
  }),
  (_, at, node) => ({
    ...around(at, node, 300),
    faults: [{ at, fault: 'freeze', node, ms: LONG_MS }],
    options: AGREED,
  }),
  (_, at, node) => ({
    ...around(at, node, 300),
    faults: [{ at, fault: 'kill', node, ms: 1_500 }],
    options: AGREED,
  }),
  // a node that was replaced as planned answers late
  (_, at, node) => ({
    ...around(at, node, 300),
    faults: [{ at, fault: 'failOver', shard: node, ms: STALL_MS }],
    options: AGREED,
  }),
  // a node that the others have replaced, and that does not know it yet
  (_, at, node) => ({
    ...around(at, node, 700),
    faults: [{ at, fault: 'isolate', node, ms: 1_500 }],
    options: { gossipMs: 5 },
  }),
  // keys that are moved slowly, one by one
  (random, at, node) => ({
    ...around(at, node, 1_000),
    faults: [{ at, fault: 'move', tag: TAG_OF[node], shard: otherThan(random, node), pauseMs: 600 }],
    isWithoutTransactions: true,
    options: AGREED,
  }),
  // calls that are executed, and whose replies come too late
  (_, at, node) => ({
    ...around(at, node, 300),
    faults: [{ at, fault: 'cutOff', node, directions: ['down'], ms: LONG_MS }],
    options: PATIENT,
  }),
  // a node that was silent refuses what it was sent before, for a moment or longer
  (random, at, node) => ({
    ...around(at, node, 2 * STALL_MS),
    faults: [
      { at, fault: 'freeze', node, ms: STALL_MS },
      {
        at: at + 1,
        fault: 'refuse',
        node,
        reply: 'LOADING Redis is loading the dataset in memory',
        ms: pick(random, [STALL_MS, STALL_MS + 1, 2 * STALL_MS]),
      },
    ],
    options: { replyTimeoutMs: 200 },
  }),
  // what was executed loses its reply
  (_, at, node) => ({
    ...around(at, node, 120),
    faults: [
      { at, fault: 'cutOff', node, directions: ['down'], ms: 300 },
      { at: at + 120, fault: 'reset', node },
    ],
    options: { retry: 'safe' },
  }),
  // what was executed, and has lost its reply, is forbidden when it is sent again
  (random, at, node) => ({
    ...around(at, node, 120),
    faults: [
      { at, fault: 'cutOff', node, directions: ['down'], ms: 400 },
      { at: at + 40, fault: 'forbid', rule: pick(random, ['set', '@write']), ms: 600 },
      { at: at + 100, fault: 'reset', node },
    ],
    options: { retry: 'safe' },
  }),
  // a slot has a new owner while the former one owes replies, for longer than calls may take
  (random, at, node) => ({
    ...around(at, node, 2_000),
    faults: [
      { at, fault: 'freeze', node, ms: LONG_MS },
      { at: at + 1_000 + randomBelow(random, 300), fault: 'reset', node: otherThan(random, node) },
    ],
    options: { ...PATIENT, gossipMs: 5 },
  }),
  // a client connects while one node has an old view
  (random, at, node) => {
    const shard = otherThan(random, node);
    return {
      ...around(at, node, 300),
      faults: [
        { at, fault: 'lag', node: SHARDS - node - shard, ms: 3_000 },
        { at: at + 1, fault: 'move', tag: TAG_OF[node], shard, pauseMs: 10 },
      ],
      isWithoutTransactions: true,
      options: { ...AGREED, lateAt: at + 500 + randomBelow(random, 1_000) },
    };
  },
];

const around = (at: number, place: number, ms: number): Pick<Situation, 'tag' | 'from' | 'to'> => ({
  tag: TAG_OF[place],
  from: Math.max(0, at - 60),
  to: at + ms,
});

/** A primary freezes, and only its keys are called: no other node says that the cluster is down. */
export function loneFreeze(random: Random, at: number): Situation {
  const node = randomBelow(random, SHARDS);
  return {
    ...around(at, node, 1_000),
    faults: [{ at, fault: 'freeze', node, ms: LONG_MS }],
    options: { ...AGREED, messages: [] },
  };
}

/** Returns a random situation that begins at a moment. */
export function randomSituation(random: Random, at: number): Situation {
  return pick(random, SITUATIONS)(random, at, randomBelow(random, SHARDS));
}
