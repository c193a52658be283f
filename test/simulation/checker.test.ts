import { checkHistory } from './checker/linearizability.js';
import type { Input, LossWindow, Operation, Plain } from './checker/history.js';
import { type DeclaredGap, messageFaults } from './checker/messages.js';
import type { Model } from './checker/model.js';
import { COMPARE_AND_SET } from './checker/models/compare-and-set.js';
import { COUNTER } from './checker/models/counter.js';
import { LIST } from './checker/models/list.js';
import { MEMBER_SET } from './checker/models/member-set.js';
import { REGISTER } from './checker/models/register.js';

type Call = readonly [input: Input, calledAt: number, returnedAt: number, output: Plain | undefined];

const UNKNOWN = undefined;

const operations = (calls: readonly Call[], more: Partial<Operation> = {}): Operation[] =>
  calls.map(([input, calledAt, returnedAt, output], id) => ({
    id,
    key: 'k',
    input,
    calledAt,
    returnedAt,
    output,
    ...more,
  }));

const outcomeOf = (model: Model, given: readonly Operation[], losses: readonly LossWindow[] = []): string =>
  checkHistory({ operations: given, losses }, () => model).outcome;

/** Histories by what they show: their kind of value, their calls, and whether some order explains them. */
const HISTORIES: readonly (readonly [
  name: string,
  model: Model,
  calls: readonly Call[],
  explained: boolean,
])[] = [
  [
    'a read of what was written',
    REGISTER,
    [
      [['write', 'a'], 0, 1, 'OK'],
      [['read'], 2, 3, 'a'],
    ],
    true,
  ],
  [
    'a read of what was overwritten',
    REGISTER,
    [
      [['write', 'a'], 0, 1, 'OK'],
      [['write', 'b'], 2, 3, 'OK'],
      [['read'], 4, 5, 'a'],
    ],
    false,
  ],
  [
    'a read of what nobody wrote',
    REGISTER,
    [
      [['write', 'a'], 0, 1, 'OK'],
      [['read'], 2, 3, 'b'],
    ],
    false,
  ],
  [
    'a read during a write, before it',
    REGISTER,
    [
      [['write', 'a'], 0, 9, 'OK'],
      [['read'], 1, 2, null],
    ],
    true,
  ],
  [
    'a read of the old value after one of the new value',
    REGISTER,
    [
      [['write', 'a'], 0, 9, 'OK'],
      [['read'], 1, 2, 'a'],
      [['read'], 3, 4, null],
    ],
    false,
  ],
  [
    'an unknown write that is seen',
    REGISTER,
    [
      [['write', 'a'], 0, Infinity, UNKNOWN],
      [['read'], 5, 6, 'a'],
    ],
    true,
  ],
  [
    'an unknown write that is not seen',
    REGISTER,
    [
      [['write', 'a'], 0, Infinity, UNKNOWN],
      [['read'], 5, 6, null],
    ],
    true,
  ],
  [
    'an unknown write that is seen before it was called',
    REGISTER,
    [
      [['read'], 0, 1, 'a'],
      [['write', 'a'], 2, Infinity, UNKNOWN],
    ],
    false,
  ],
  [
    'an unknown write that is seen, then not',
    REGISTER,
    [
      [['write', 'a'], 0, Infinity, UNKNOWN],
      [['read'], 1, 2, 'a'],
      [['read'], 3, 4, null],
    ],
    false,
  ],
  [
    'a write that comes back without having been sent again',
    REGISTER,
    [
      [['write', 'a'], 0, 9, 'OK'],
      [['read'], 1, 2, 'a'],
      [['write', 'b'], 3, 4, 'OK'],
      [['read'], 5, 6, 'b'],
      [['read'], 10, 11, 'a'],
    ],
    false,
  ],
  [
    'sums in order',
    COUNTER,
    [
      [['add', 1], 0, 1, 1],
      [['add', 1], 2, 3, 2],
    ],
    true,
  ],
  [
    'an addition that ran twice',
    COUNTER,
    [
      [['add', 1], 0, 1, 1],
      [['add', 1], 2, 3, 3],
    ],
    false,
  ],
  [
    'an addition that was lost',
    COUNTER,
    [
      [['add', 1], 0, 1, 1],
      [['add', 1], 2, 3, 1],
    ],
    false,
  ],
  [
    'two sums that were exchanged',
    COUNTER,
    [
      [['add', 1], 0, 1, 2],
      [['add', 1], 2, 3, 1],
    ],
    false,
  ],
  [
    'two concurrent sums in either order',
    COUNTER,
    [
      [['add', 1], 0, 5, 2],
      [['add', 1], 1, 4, 1],
    ],
    true,
  ],
  [
    'an unknown addition that ran',
    COUNTER,
    [
      [['add', 5], 0, Infinity, UNKNOWN],
      [['add', 1], 2, 3, 6],
    ],
    true,
  ],
  [
    'an unknown addition that ran twice',
    COUNTER,
    [
      [['add', 5], 0, Infinity, UNKNOWN],
      [['add', 1], 2, 3, 11],
    ],
    false,
  ],
  [
    'a member that is added twice',
    MEMBER_SET,
    [
      [['add', 'a'], 0, 1, 1],
      [['add', 'a'], 2, 3, 0],
    ],
    true,
  ],
  [
    'a member that is new twice',
    MEMBER_SET,
    [
      [['add', 'a'], 0, 1, 1],
      [['add', 'a'], 2, 3, 1],
    ],
    false,
  ],
  [
    'a member that is missing',
    MEMBER_SET,
    [
      [['add', 'a'], 0, 1, 1],
      [['add', 'b'], 2, 3, 1],
      [['read'], 4, 5, ['b']],
    ],
    false,
  ],
  [
    'a removed member that is back',
    MEMBER_SET,
    [
      [['add', 'a'], 0, 1, 1],
      [['remove', 'a'], 2, 3, 1],
      [['read'], 4, 5, ['a']],
    ],
    false,
  ],
  [
    'a list in the order of its elements',
    LIST,
    [
      [['append', 'a'], 0, 1, 1],
      [['append', 'b'], 2, 3, 2],
      [['read'], 4, 5, ['a', 'b']],
    ],
    true,
  ],
  [
    'a list in another order',
    LIST,
    [
      [['append', 'a'], 0, 1, 1],
      [['append', 'b'], 2, 3, 2],
      [['read'], 4, 5, ['b', 'a']],
    ],
    false,
  ],
  [
    'an element that is there twice',
    LIST,
    [
      [['append', 'a'], 0, 1, 1],
      [['read'], 4, 5, ['a', 'a']],
    ],
    false,
  ],
  [
    'a replacement of what was expected',
    COMPARE_AND_SET,
    [
      [['replace', null, 'a'], 0, 1, 1],
      [['replace', 'a', 'b'], 2, 3, 1],
      [['read'], 4, 5, 'b'],
    ],
    true,
  ],
  [
    'two replacements of the same value',
    COMPARE_AND_SET,
    [
      [['replace', null, 'a'], 0, 5, 1],
      [['replace', null, 'b'], 1, 4, 1],
    ],
    false,
  ],
  [
    'a refused replacement of the expected value',
    COMPARE_AND_SET,
    [[['replace', null, 'a'], 0, 1, 0]],
    false,
  ],
];

describe('the checker of histories', () => {
  it.each(HISTORIES)('judges %s', (_name, model, calls, explained) => {
    expect(outcomeOf(model, operations(calls))).toBe(explained ? 'explained' : 'unexplained');
  });

  it('allows a call that is sent again to undo what came in between, and no other call', () => {
    const calls: Call[] = [
      [['write', 'a'], 0, 9, 'OK'],
      [['read'], 1, 2, 'a'],
      [['write', 'b'], 3, 4, 'OK'],
      [['read'], 5, 6, 'b'],
      [['read'], 10, 11, 'a'],
    ];
    const [first, ...rest] = operations(calls);
    expect(outcomeOf(REGISTER, [{ ...first, mayRepeat: true }, ...rest])).toBe('explained');
    expect(outcomeOf(REGISTER, [first, ...rest.map((one) => ({ ...one, mayRepeat: true }))])).toBe(
      'unexplained',
    );
  });

  it('keeps the order of one caller, also of calls that overlap', () => {
    const [first, second] = operations([
      [['append', 'a'], 0, 9, 2],
      [['append', 'b'], 0, 9, 1],
    ]);
    expect(outcomeOf(LIST, [first, second])).toBe('explained');
    expect(outcomeOf(LIST, [first, { ...second, after: first.id }])).toBe('unexplained');
  });

  it('keeps the last execution of a call in the order of its caller, and no earlier one', () => {
    const [read, write] = operations([
      [['read'], 0, 9, 'a'],
      [['write', 'a'], 0, 9, 'OK'],
    ]);
    expect(outcomeOf(REGISTER, [read, { ...write, after: read.id, mayRepeat: true }])).toBe('explained');
    expect(outcomeOf(REGISTER, [read, { ...write, after: read.id }])).toBe('unexplained');
  });

  it('requires no order after a call whose outcome is unknown', () => {
    const [first, second] = operations([
      [['append', 'a'], 0, Infinity, UNKNOWN],
      [['append', 'b'], 0, 9, 1],
    ]);
    expect(outcomeOf(LIST, [first, { ...second, after: first.id }])).toBe('explained');
  });

  it('requires no order before a call whose outcome is unknown, which an earlier read may see when it is sent again', () => {
    const [read, write] = operations([
      [['read'], 0, 9, ['a']],
      [['append', 'a'], 0, Infinity, UNKNOWN],
    ]);
    expect(outcomeOf(LIST, [read, { ...write, after: read.id }])).toBe('explained');
  });

  it('allows acknowledged writes to be lost while servers may lose them, and at no other time', () => {
    const calls = operations([
      [['add', 1], 0, 1, 1],
      [['add', 1], 2, 3, 2],
      [['read'], 6, 7, 1],
    ]);
    expect(outcomeOf(COUNTER, calls, [{ key: 'k', from: 1.5, to: 5 }])).toBe('explained');
    expect(outcomeOf(COUNTER, calls, [{ key: 'k', from: 3.5, to: 5 }])).toBe('unexplained');
    expect(outcomeOf(COUNTER, calls, [{ key: 'k', from: 8, to: 9 }])).toBe('unexplained');
    expect(outcomeOf(COUNTER, calls, [{ key: 'other', from: 1.5, to: 5 }])).toBe('unexplained');
  });

  it('allows two primaries at one time while servers may lose writes, and only states that were real', () => {
    const both = operations([
      [['add', 1], 0, 1, 1],
      [['add', 10], 3, 4, 11],
      [['add', 1], 4, 5, 2],
      [['add', 10], 5, 6, 21],
      [['read'], 9, 10, 2],
    ]);
    expect(outcomeOf(COUNTER, both, [{ key: 'k', from: 2, to: 8 }])).toBe('explained');
    const [last] = operations([[['read'], 9, 10, 5]]);
    expect(outcomeOf(COUNTER, [...both.slice(0, 4), last], [{ key: 'k', from: 2, to: 8 }])).toBe(
      'unexplained',
    );
  });

  it('names the key and the longest explanation it found', () => {
    const verdict = checkHistory(
      { operations: operations(HISTORIES[11][2] as Call[]), losses: [] },
      () => COUNTER,
    );
    expect(verdict).toMatchObject({ outcome: 'unexplained', key: 'k', longest: [0] });
  });

  it('decides a hundred concurrent calls', () => {
    const calls = Array.from({ length: 100 }, (_, i): Call => [['add', 1], i, i + 6, i + 1]);
    expect(outcomeOf(COUNTER, operations(calls))).toBe('explained');
    const twice = calls.map(([input, from, to, sum], i): Call => [input, from, to, i < 90 ? sum : i + 2]);
    expect(outcomeOf(COUNTER, operations(twice))).toBe('unexplained');
  });

  it('decides calls of which many have unknown outcomes', () => {
    const additions = Array.from({ length: 80 }, (_, i): Call =>
      i % 2 === 0
        ? [['add', 1], i, Infinity, UNKNOWN]
        : [['add', 1], i, i + 1, (i + 1) / 2 + Math.floor((i + 1) / 4)],
    );
    expect(outcomeOf(COUNTER, operations([...additions, [['read'], 90, 91, 60]]))).toBe('explained');
    const bursts = Array.from({ length: 60 }, (_, i): Call => {
      const at = Math.floor(i / 4) * 10;
      if (i % 4 < 3) return [['append', `e${i}`], at, Infinity, UNKNOWN];
      return [['append', `e${i}`], at + 5, at + 6, Math.floor(i / 4) * 3 + 3];
    });
    const list = bursts.flatMap(([[, element]], i) => (i % 4 === 1 ? [] : [String(element)]));
    expect(outcomeOf(LIST, operations([...bursts, [['read'], 200, 201, list]]))).toBe('explained');
  });

  it('tries no order after which a read can no longer be explained, whether writes were lost or not', () => {
    const unknown = Array.from({ length: 12 }, (_, i): Call => [['append', `u${i}`], 2, Infinity, UNKNOWN]);
    const given = operations([[['append', 'a'], 0, 1, 1], ...unknown, [['read'], 20, 21, []]]);
    const outcome = (losses: readonly LossWindow[]): string =>
      checkHistory({ operations: given, losses }, () => LIST, 1_000).outcome;
    expect(outcome([{ key: 'k', from: 0, to: 10 }])).toBe('explained');
    expect(outcome([{ key: 'k', from: 5, to: 10 }])).toBe('unexplained');
    expect(outcome([])).toBe('unexplained');
  });

  it('tries no order that overwrites what a read returned, if nothing can write it again', () => {
    // both writes of the first two may be the last one, and the rest may be lost or executed twice
    const first = (['a', 'b'] as const).map((value, i): Call => [['write', value], 0, 10 + i, 'OK']);
    const writes = Array.from({ length: 14 }, (_, i): Call => [['write', `w${i}`], 20, 90 + i, 'OK']);
    const outcome = (last: string): string => {
      const calls: Call[] = [...first, ...writes, [['read'], 20, 80, 'a'], [['read'], 200, 201, last]];
      const losses = [{ key: 'k', from: 21, to: 60 }];
      const history = { operations: operations(calls, { mayRepeat: true }), losses };
      return checkHistory(history, () => REGISTER, 1_000).outcome;
    };
    expect(outcome('w3')).toBe('explained');
    expect(outcome('foreign')).toBe('unexplained');
  });

  it('decides lists of two primaries that many calls with unknown outcomes may have reached', () => {
    const unknown = Array.from({ length: 4 }, (_, i): Call => [['append', `u${i}`], 2, Infinity, UNKNOWN]);
    const outcome = (last: readonly string[]): string => {
      const calls: Call[] = [
        // what the old primary holds is lost with the first two
        [['append', 'a'], 0, 20, 1],
        [['append', 'b'], 0, 20, 2],
        ...['c', 'd', 'e', 'f', 'g'].map((element, i): Call => [['append', element], 1, 20, i + 2]),
        ...unknown,
        [['read'], 2, 18, []],
        [['append', 'h'], 10, 18, 1],
        [['read'], 40, 41, last],
      ];
      const losses = [{ key: 'k', from: 8, to: 30 }];
      return checkHistory({ operations: operations(calls), losses }, () => LIST, 1_000).outcome;
    };
    expect(outcome(['h', 'c', 'd', 'e', 'f', 'g'])).toBe('explained');
    expect(outcome(['h', 'u2', 'd', 'e', 'f', 'g'])).toBe('explained');
    // two elements that both said that they are the third
    expect(outcome(['h', 'c', 'e', 'd', 'f', 'g'])).toBe('unexplained');
    expect(outcome(['h', 'u2', 'c', 'd', 'e', 'f', 'g'])).toBe('unexplained');
  });

  it('does not ask how often a read could come first', () => {
    const appends = Array.from({ length: 3 }, (_, i): Call => [['append', `e${i}`], 0, 50, i + 1]);
    const reads = Array.from({ length: 30 }, (): Call => [['read'], 0, 50, ['e0']]);
    const outcome = (last: readonly string[]): string =>
      checkHistory(
        { operations: operations([...appends, ...reads, [['read'], 60, 61, last]]), losses: [] },
        () => ({ ...LIST, canBecome: undefined }),
        200,
      ).outcome;
    expect(outcome(['e0', 'e1', 'e2'])).toBe('explained');
    expect(outcome(['e1', 'e0', 'e2'])).toBe('unexplained');
  });

  it('shows how far an order goes before the call that contradicts', () => {
    const calls: Call[] = [
      [['write', 'a'], 0, 1, 'OK'],
      [['read'], 2, 3, 'a'],
      [['write', 'b'], 4, 5, 'OK'],
      [['read'], 6, 7, 'foreign'],
    ];
    const verdict = checkHistory({ operations: operations(calls), losses: [] }, () => REGISTER);
    expect(verdict).toMatchObject({ outcome: 'unexplained', longest: [0, 1, 2] });
  });

  it('says so if it cannot decide', () => {
    const adds = Array.from({ length: 20 }, (_, i): Call => [['add', `e${i}`], 0, 1, 1]);
    const history = { operations: operations([...adds, [['read'], 2, 3, ['foreign']]]), losses: [] };
    expect(checkHistory(history, () => MEMBER_SET, 1_000)).toEqual({ outcome: 'undecided', key: 'k' });
  });
});

describe('the checker of messages', () => {
  const published = [1, 2, 3, 4].map((number) => ({
    number,
    calledAt: number * 10,
    confirmedAt: number * 10 + 1,
  }));

  it.each([
    ['all messages', [1, 2, 3, 4], [], []],
    ['a message that is missing in a gap', [1, 4], [{ since: 15, until: 35 }], []],
    [
      'a message that is missing outside of a gap',
      [1, 4],
      [{ since: 15, until: 25 }],
      ['message 3 of 30 ms is missing, and no gap was declared'],
    ],
    [
      'a message that is missing without a gap',
      [1, 2, 3],
      [],
      ['message 4 of 40 ms is missing, and no gap was declared'],
    ],
    ['a message that came twice', [1, 2, 2, 3, 4], [], ['message 2 came again']],
    [
      'a message that was sent twice in a gap',
      [1, 2, 2, 3, 4],
      [{ since: 15, until: 25 }],
      ['message 2 came again'],
    ],
    ['messages out of order', [2, 1, 3, 4], [], ['message 1 came too late']],
    ['a message that nobody sent', [1, 2, 3, 4, 5], [], ['message 5 was never sent']],
  ])('judges %s', (_name, received, gaps, faults) => {
    expect(messageFaults({ published, received, gaps })).toEqual(faults);
  });

  it('allows messages that the servers swapped, and no other order than theirs', () => {
    const faultsOf = (received: readonly number[]): string[] =>
      messageFaults({
        published,
        received,
        gaps: [],
        areSwapped: (earlier, later) => earlier === 2 && later === 3,
      });
    expect(faultsOf([1, 3, 2, 4])).toEqual([]);
    expect(faultsOf([1, 2, 3, 4])).toEqual([]);
    expect(faultsOf([1, 3, 4, 2])).toEqual(['message 2 came too late']);
    expect(faultsOf([3, 1, 2, 4])).toEqual(['message 1 came too late']);
  });

  it('allows a message that the servers passed on twice, in a gap', () => {
    const faultsOf = (gap: DeclaredGap): string[] =>
      messageFaults({ published, received: [1, 2, 2, 3, 4], gaps: [gap], reachedOnce: () => true });
    expect(faultsOf({ since: 15, until: 25 })).toEqual([]);
    expect(faultsOf({ since: 35, until: 45 })).toEqual(['message 2 came again']);
  });

  it('requires no message whose publication failed, and allows it', () => {
    const failed = { number: 5, calledAt: 50, confirmedAt: undefined };
    expect(messageFaults({ published: [...published, failed], received: [1, 2, 3, 4], gaps: [] })).toEqual(
      [],
    );
    for (const received of [
      [1, 2, 3, 4, 5],
      [1, 2, 5, 3, 4],
    ])
      expect(messageFaults({ published: [...published, failed], received, gaps: [] })).toEqual([]);
    expect(
      messageFaults({ published: [...published, failed], received: [5, 1, 2, 3, 4, 5], gaps: [] }),
    ).toEqual(['message 5 came again']);
  });
});
