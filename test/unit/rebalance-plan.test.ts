import { planMoves } from '../../lib/client/migration/rebalance-plan.js';

const nodesOf = (...loads: number[][]): { node: number; slots: Map<number, number> }[] =>
  loads.map((own, node) => ({ node, slots: new Map(own.map((load, i) => [node * 100 + i, load])) }));

/** The load of each node after the moves. */
function after(loads: number[][], threshold: number): number[] {
  const sums = loads.map((own) => own.reduce((sum, load) => sum + load, 0));
  for (const { from, to, load } of planMoves(nodesOf(...loads), threshold)) {
    sums[from] -= load;
    sums[to] += load;
  }
  return sums;
}

describe('a plan of slots that move', () => {
  it('moves nothing if all loads are close to the average, or there is nothing to move', () => {
    expect(planMoves(nodesOf([10, 10], [21]), 0.05)).toEqual([]);
    expect(planMoves(nodesOf([0, 0], []), 0)).toEqual([]);
    expect(planMoves(nodesOf([5, 6]), 0)).toEqual([]);
    expect(planMoves([], 0)).toEqual([]);
  });

  it('moves the largest slots that fit', () => {
    expect(planMoves(nodesOf([1, 2, 8, 9], []), 0)).toEqual([
      { slot: 3, load: 9, from: 0, to: 1 },
      { slot: 0, load: 1, from: 0, to: 1 },
    ]);
  });

  it('gives a node that has joined its share from all others', () => {
    const loads = [Array.from({ length: 60 }, () => 1), Array.from({ length: 60 }, () => 1), []];
    expect(after(loads, 0)).toEqual([40, 40, 40]);
    const moves = planMoves(nodesOf(...loads), 0);
    expect(moves).toHaveLength(40);
    expect(new Set(moves.map(({ slot }) => slot)).size).toBe(40);
  });

  it('does not move one hot slot to and fro', () => {
    expect(planMoves(nodesOf([100], []), 0)).toEqual([]);
    expect(after([[100, 1], []], 0)).toEqual([100, 1]);
    expect(after([[60, 50], [20]], 0)).toEqual([60, 70]);
  });

  it('ends for any loads, and makes none worse', () => {
    let seed = 1;
    const random = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % most;
    for (let round = 0; round < 200; round++) {
      const loads = Array.from({ length: 1 + random(5) }, () =>
        Array.from({ length: random(30) }, () => random(3) * random(1_000)),
      );
      const before = loads.map((own) => own.reduce((sum, load) => sum + load, 0));
      expect(Math.max(...after(loads, 0))).toBeLessThanOrEqual(Math.max(...before));
    }
  });
});
