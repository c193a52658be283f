import { mergeReplies } from '../../lib/cluster/command-table/merge-replies.js';
import { responseTips } from '../../lib/cluster/command-table/command-policies.js';

const from = (...replies: unknown[]): Map<string, unknown> =>
  new Map(replies.map((reply, i) => [`node-${i}`, reply]));

describe('the replies of several nodes', () => {
  it.each([
    ['agg_sum', [1, 2, 3], 6],
    ['agg_min', [2, 1, 3], 1],
    ['agg_max', [2, 3, 1], 3],
    ['agg_logical_and', [1, 1, 1], 1],
    ['agg_logical_and', [1, 0, 1], 0],
    ['agg_logical_or', [0, 0, 0], 0],
    ['agg_logical_or', [0, 1, 0], 1],
    ['all_succeeded', ['OK', 'OK'], 'OK'],
    ['one_succeeded', ['OK'], 'OK'],
  ] as const)('with the response policy %s: %j become %j', (tip, replies, merged) => {
    expect(mergeReplies(responseTips[tip], from(...replies))).toBe(merged);
  });

  it.each([
    [
      'agg_sum',
      [
        [1, 2],
        [3, 4],
      ],
      [4, 6],
    ],
    [
      'agg_min',
      [
        [1, 4],
        [3, 2],
      ],
      [1, 2],
    ],
    [
      'agg_max',
      [
        [1, 4],
        [3, 2],
      ],
      [3, 4],
    ],
    [
      'agg_logical_and',
      [
        [1, 0],
        [1, 1],
      ],
      [1, 0],
    ],
    [
      'agg_logical_or',
      [
        [1, 0],
        [0, 0],
      ],
      [1, 0],
    ],
  ] as const)(
    'with the response policy %s, lists are merged by position: %j become %j',
    (tip, replies, merged) => {
      expect(mergeReplies(responseTips[tip], from(...replies))).toEqual(merged);
    },
  );

  it('of a single node are returned unchanged', () => {
    for (const tip of ['agg_sum', 'agg_min', 'agg_max', 'agg_logical_and', 'agg_logical_or'] as const)
      expect(mergeReplies(responseTips[tip], from(1))).toBe(1);
  });

  it('are concatenated, summed, or keyed by node', () => {
    expect(mergeReplies('concatenate', from(['a'], [], ['b', 'a']))).toEqual(['a', 'b', 'a']);
    expect(mergeReplies('union', from(['a'], [], ['b', 'a']))).toEqual(['a', 'b']);
    expect(mergeReplies('union', from([Buffer.from([0xff])], [Buffer.from([0xff])]))).toHaveLength(1);
    expect(mergeReplies('sumByName', from(['a', 1, 'b', 2], ['b', 3]))).toEqual(['a', 1, 'b', 5]);
    expect(mergeReplies('anyNonNull', from(null, 'k', null))).toBe('k');
    expect(mergeReplies('anyNonNull', from(null, null))).toBeNull();
    expect(mergeReplies('byNode', from(1, 2))).toEqual(from(1, 2));
  });
});
