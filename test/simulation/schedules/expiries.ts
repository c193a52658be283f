import type { History, Operation } from '../checker/history.js';

/** Clocks count whole milliseconds. */
const ROUNDING_MS = 1;
/** Ids of calls are below. */
const FIRST_ID = 1_000_000;

/**
 * Returns the ends of values that were written for a while, each as an operation of the servers: it happens that long
 * after the write, by the clock of any node.
 *
 * @param skewMs how far the clocks of two nodes are apart at most
 */
export function expiriesOf({ operations, losses }: History, skewMs: number): Operation[] {
  const writes = operations.filter(({ key, input }) => key.startsWith('e') && input[0] === 'write');
  return writes.flatMap(({ id, key, input, calledAt, returnedAt }) => {
    const [, value, forMs] = input;
    const expiry: Operation = {
      id: FIRST_ID + 2 * id,
      key,
      input: ['expire', value],
      calledAt: calledAt + Number(forMs) - skewMs - ROUNDING_MS,
      returnedAt: returnedAt + Number(forMs) + skewMs + ROUNDING_MS,
      output: Number.isFinite(returnedAt) ? true : undefined,
      // the write may have been executed twice
      mayRepeat: true,
    };
    // a value that comes back by a loss has ended all the same
    const mayComeBack = losses.some((loss) => loss.key === key && loss.to > expiry.calledAt);
    const again = { ...expiry, id: expiry.id + 1, returnedAt: Infinity, output: undefined };
    return mayComeBack ? [expiry, again] : [expiry];
  });
}
