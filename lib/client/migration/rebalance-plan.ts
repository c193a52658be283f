/** A node with the load of each of its slots. */
export interface LoadedNode<N> {
  readonly node: N;
  readonly slots: ReadonlyMap<number, number>;
}

/** A slot that goes from one node to another. */
export interface PlannedMove<N> {
  readonly slot: number;
  readonly load: number;
  readonly from: N;
  readonly to: N;
}

/** A node during planning. */
interface Scale<N> {
  readonly node: N;
  load: number;
  /** Slots with load, the smallest load first. */
  readonly slots: { readonly slot: number; readonly load: number }[];
}

/**
 * Plans moves until the load of each node differs from the average by no more than the threshold, or no move improves
 * it. Moves the slots with the highest load that fit, so that few move.
 * @param threshold a fraction of the average
 */
export function planMoves<N>(nodes: readonly LoadedNode<N>[], threshold: number): PlannedMove<N>[] {
  const scales = nodes.map(({ node, slots }): Scale<N> => {
    const own = [...slots]
      .map(([slot, load]) => ({ slot, load }))
      .filter(({ load }) => load > 0)
      .toSorted((a, b) => a.load - b.load || b.slot - a.slot);
    return { node, load: own.reduce((sum, { load }) => sum + load, 0), slots: own };
  });
  const average = scales.reduce((sum, { load }) => sum + load, 0) / Math.max(1, scales.length);
  const moves: PlannedMove<N>[] = [];
  for (;;) {
    scales.sort((a, b) => b.load - a.load);
    const [giver, taker] = [scales[0], scales[scales.length - 1]];
    if (giver === undefined || taker === undefined || giver === taker) return moves;
    const excess = giver.load - average;
    const room = average - taker.load;
    if (Math.max(excess, room) <= threshold * average) return moves;
    const index = slotToMove(giver, Math.min(excess, room), giver.load - taker.load);
    if (index < 0) return moves;
    const [{ slot, load }] = giver.slots.splice(index, 1);
    giver.load -= load;
    taker.load += load;
    // a slot that has moved stays: it would have to move twice
    moves.push({ slot, load, from: giver.node, to: taker.node });
  }
}

/** Returns the index of the largest slot that fits, else of the smallest if moving it brings the two nodes closer. */
function slotToMove({ slots }: Scale<unknown>, gap: number, difference: number): number {
  let low = 0;
  let high = slots.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (slots[middle].load <= gap) low = middle + 1;
    else high = middle;
  }
  if (low > 0) return low - 1;
  return slots.length > 0 && slots[0].load < difference ? 0 : -1;
}
