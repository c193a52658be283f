import type { PartitionTruth } from './harness/halls/partition-truth.js';
import { TillBooks, type TillVerdict } from './harness/tills/till-books.js';
import type { TillEvent } from './harness/tills/till-roles.js';

/** What is stored: receipts, how many of them the followers have counted, and visits. */
function stored(receipts: readonly string[], counted: number, visits: number): PartitionTruth {
  const rows = {
    Receipt: new Map(receipts.map((id) => [id, {}])),
    Sum: new Map([['sum', { receipts: String(counted) }]]),
  };
  return { owner: { visits: String(visits) }, rows, faults: [] };
}

const receipt = (id: string, end?: 'done' | 'refused'): TillEvent[] => [
  { type: 'receipt begun', id },
  ...(end === undefined ? [] : [{ type: `receipt ${end}`, id } as const]),
];
const visit = (token: string, visits?: number): TillEvent[] => [
  { type: 'visit begun', token },
  ...(visits === undefined ? [] : [{ type: 'visit done', token, visits } as const]),
];

function judged(events: readonly TillEvent[], truth: PartitionTruth): TillVerdict {
  const books = new TillBooks();
  for (const event of events) books.record(event);
  return books.judge(truth);
}

const FINE = { lost: 0, twice: 0, untruthful: 0, unfenced: 0, tokensBack: 0 };

describe('the books of those who work on a till', () => {
  it.each<[string, TillEvent[], PartitionTruth]>([
    ['everything is as reported', [...receipt('a', 'done'), ...visit('1', 1)], stored(['a'], 1, 1)],
    ['what was in doubt is there', [...receipt('a'), ...visit('1')], stored(['a'], 1, 1)],
    ['what was in doubt is not there', [...receipt('a'), ...visit('1')], stored([], 0, 0)],
    ['what was refused is not there', receipt('a', 'refused'), stored([], 0, 0)],
  ])('find nothing wrong: %s', (_name, events, truth) => {
    expect(judged(events, truth)).toMatchObject(FINE);
  });

  it.each<[string, TillEvent[], PartitionTruth, Partial<TillVerdict>]>([
    ['a receipt is lost', receipt('a', 'done'), stored([], 0, 0), { lost: 1 }],
    ['a change is not handled', receipt('a', 'done'), stored(['a'], 0, 0), { lost: 1 }],
    ['a change is handled twice', receipt('a', 'done'), stored(['a'], 2, 0), { twice: 1 }],
    ['what was refused is there', receipt('a', 'refused'), stored(['a'], 1, 0), { untruthful: 1 }],
    ['nobody made a receipt', [], stored(['a'], 1, 0), { untruthful: 1 }],
    ['a visit is lost', [...visit('1', 1), ...visit('2', 2)], stored([], 0, 1), { lost: 1 }],
    ['a visit is counted twice', visit('1', 1), stored([], 0, 2), { twice: 1 }],
    [
      'a stale holder writes past the fence',
      [...visit('1', 1), ...visit('2', 2), ...visit('1', 2)],
      stored([], 0, 2),
      { unfenced: 1, tokensBack: 1, lost: 1 },
    ],
    ['tokens go back', [...visit('2', 1), ...visit('1', 2)], stored([], 0, 2), { tokensBack: 1 }],
  ])('find what is wrong: %s', (_name, events, truth, wrong) => {
    expect(judged(events, truth)).toMatchObject({ ...FINE, ...wrong });
  });
});
