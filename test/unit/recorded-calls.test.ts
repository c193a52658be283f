import { RecordedCalls } from '../faults/harness/histories/recorded-calls.js';
import type { HistoryFigures } from '../faults/harness/histories/verdicts.js';

const FAILURES = {
  refused: { code: 'NOPERM', applied: false },
  lost: { code: 'OUTCOME_UNKNOWN', applied: 'unknown' },
} as const;

let calls: RecordedCalls;
beforeEach(() => {
  calls = new RecordedCalls((error) => FAILURES[(error as Error).message as keyof typeof FAILURES]);
});

const fails = (outcome: keyof typeof FAILURES) => () => Promise.reject(new Error(outcome));

async function failed(
  kind: 'set' | 'increment',
  argument: string,
  outcome: keyof typeof FAILURES,
): Promise<void> {
  await expect(calls.record(kind, 'k', argument, fails(outcome))).rejects.toThrow(outcome);
}

const replied = (
  kind: 'get' | 'set' | 'increment' | 'append',
  argument: string,
  reply: unknown,
): Promise<unknown> => calls.record(kind, 'k', argument, () => Promise.resolve(reply));

/** Judges the calls; at the end the key holds this value or list. */
function judged(
  holds: string | null | readonly string[],
  lost: { from: number; to: number }[] = [],
): HistoryFigures {
  const isList = Array.isArray(holds);
  return calls.judge(
    {
      values: new Map([['k', isList ? null : (holds as string | null)]]),
      lists: new Map([['k', isList ? holds : []]]),
    },
    lost,
  );
}

describe('the recorded calls of the fault matrix', () => {
  it('are explained if replies and the value at the end fit', async () => {
    await replied('set', 'v1', 'OK');
    await failed('set', 'v2', 'lost');
    await failed('set', 'v3', 'refused');
    await replied('get', '', 'v2');
    expect(judged('v2')).toEqual({ calls: 4, keys: 1, unexplained: [], undecided: 0 });
  });

  it('are not explained by a stale read', async () => {
    await replied('set', 'v1', 'OK');
    await replied('set', 'v2', 'OK');
    await replied('get', '', 'v1');
    const { unexplained } = judged('v2');
    expect(unexplained).toHaveLength(1);
    expect(unexplained[0]).toMatch(/^k, 4 calls:\n[^!]*"v2"[^!]*! 3 at [\d.]+: \["read"\] "v1"/);
  });

  it('are not explained by a write that was refused and is there', async () => {
    await failed('set', 'v1', 'refused');
    await replied('get', '', 'v1');
    expect(judged('v1').unexplained).toHaveLength(1);
  });

  it('are not explained by a wrong value at the end, unless servers may have lost it', async () => {
    const from = performance.now();
    await replied('increment', '', 1);
    await replied('increment', '', [
      [null, 2],
      [null, '2'],
    ]);
    const to = performance.now();
    expect(judged('2').unexplained).toEqual([]);
    expect(judged('1', [{ from: from - 1, to }]).unexplained).toEqual([]);
    expect(judged('1').unexplained).toHaveLength(1);
  });

  it('are not explained by a list in another order', async () => {
    await replied('append', 'a', 1);
    await replied('append', 'b', 2);
    expect(judged(['b', 'a']).unexplained).toHaveLength(1);
  });
});
