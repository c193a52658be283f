import type { BatchResult } from '../../cluster/batch.js';
import { InvalidArgumentError, ReplyError } from '../../cluster/errors.js';
import type { Argument } from '../../cluster/request-encoder.js';
import { AllOrNothingError, PartialWriteError } from './non-atomic-errors.js';
import type { Recipe } from './recipe.js';
import type { Step } from './steps.js';

/** One MGET a slot, all sent at once; each value finds its place in the order of the keys. */
export const mget: Recipe = async (steps, keys, buffers) => {
  const groups = [...steps.bySlot([...keys.keys()], (place) => keys[place]).values()];
  const results = await steps.settled(
    groups.map((places) => mgetStep(places.map((place) => keys[place]))),
    buffers,
  );
  const values = new Array<unknown>(keys.length);
  groups.forEach((places, i) => {
    const found = mgetReply(results[i], places.length);
    places.forEach((place, j) => (values[place] = found[j]));
  });
  return values;
};

/** A slot with one key is asked by GET: the reply is no list, and twice as many are read in the same time. */
function mgetStep(keys: readonly Argument[]): Step {
  return keys.length === 1 ? ['get', keys[0]] : ['mget', ...keys];
}

function mgetReply([error, reply]: BatchResult, keys: number): unknown[] {
  if (error === null) return keys === 1 ? [reply] : (reply as unknown[]);
  // GET refuses what is no string, MGET gives null for it
  if (keys === 1 && error instanceof ReplyError && error.code === 'WRONGTYPE') return [null];
  throw error;
}

/** One MSET a slot, all sent at once. */
export const mset: Recipe = async (steps, args) => {
  const groups = [...steps.bySlot(pairsOf('mset', args), ([key]) => key).values()];
  const results = await steps.settled(groups.map((group): Step => ['mset', ...group.flat()]));
  const written: string[] = [];
  const errors = new Map<string, Error>();
  groups.forEach((group, i) => {
    const [error] = results[i];
    for (const [key] of group) {
      if (error === null) written.push(String(key));
      else errors.set(String(key), error);
    }
  });
  if (errors.size > 0) throw new PartialWriteError('MSET', written, errors);
  return 'OK';
};

/** @throws AllOrNothingError always */
export const msetnx: Recipe = async (steps, args) => {
  const keys = pairsOf('msetnx', args).map(([key]) => key);
  const groups = [...steps.bySlot(keys, (key) => key)];
  throw new AllOrNothingError('MSETNX', new Map(groups.map(([slot, group]) => [slot, group.map(String)])));
};

function pairsOf(command: string, args: readonly Argument[]): [key: Argument, value: Argument][] {
  if (args.length % 2 === 1) {
    throw new InvalidArgumentError(
      'arguments',
      `${command} takes keys and values in turn; the last key has no value`,
    );
  }
  return Array.from({ length: args.length / 2 }, (_, i) => [args[2 * i], args[2 * i + 1]]);
}
