import { ReplyError, TransactionConflictError } from '../../../cluster/common/errors.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { Script } from '../../../cluster/scripts/script.js';
import { inForm, type Recipe } from '../recipe.js';

/** How many times another element is tried if another client takes the one that was to be moved. */
const ATTEMPTS = 100;

/** An end of a list: its index, the commands that pop and push there, and the direction of LREM. */
interface End {
  readonly index: number;
  readonly pop: string;
  readonly push: string;
  readonly first: number;
}

const ENDS: ReadonlyMap<string, End> = new Map([
  ['LEFT', { index: 0, pop: 'LPOP', push: 'lpush', first: 1 }],
  ['RIGHT', { index: -1, pop: 'RPOP', push: 'rpush', first: -1 }],
]);

const TAKE_IF_STILL_THERE = new Script(`
if redis.call('LINDEX', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call(ARGV[3], KEYS[1])
return 1`);

/**
 * Adds the element to its destination, then removes it from its source, if it is still at that end. If it is
 * not, another client has it, and the added element is removed again. At every moment there are as many equal
 * elements as before, or one more.
 */
export const lmove: Recipe = async (steps, [source, destination, from, to], buffers) => {
  const [start, goal] = [endOf(from), endOf(to)];
  const left = 'the element is in both lists';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const element = await steps.call<Buffer | null>('lindex', source, start.index);
    if (element === null) return null;
    await steps.call(goal.push, destination, element);
    const taken = await steps.afterwards('LMOVE', left, false, () =>
      steps.script(TAKE_IF_STILL_THERE, [source], [start.index, element, start.pop]),
    );
    if (taken === 1) return inForm(element, buffers);
    await steps.afterwards(
      'LMOVE',
      'the element is in the destination, and was taken from the source',
      false,
      () => steps.call('lrem', destination, goal.first, element),
    );
  }
  throw new TransactionConflictError(ATTEMPTS);
};

export const rpoplpush: Recipe = (steps, [source, destination], buffers) =>
  lmove(steps, [source, destination, 'RIGHT', 'LEFT'], buffers);

function endOf(word: Argument | undefined): End {
  const end = ENDS.get(String(word).toUpperCase());
  if (end === undefined) throw new ReplyError('ERR syntax error');
  return end;
}
