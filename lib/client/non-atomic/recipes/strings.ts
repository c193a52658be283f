import type { BatchResult } from '../../../cluster/batch/batch-result.js';
import {
  InvalidArgumentError,
  ReplyError,
  TransactionConflictError,
} from '../../../cluster/common/errors.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { PartialWriteError } from '../non-atomic-errors.js';
import type { Recipe } from '../recipe.js';

/**
 * Sends one MGET per slot, all at once, and puts each value at the index of its key. A slot with one key is
 * read with GET: its reply is not a list, and GET reads twice as many keys in the same time.
 */
export const mget: Recipe = async (steps, keys, buffers) => {
  const groups = steps.bySlot([...keys.keys()], (place) => keys[place]);
  const replies = await steps.repliesInSlots(
    groups,
    (group) => [group.length === 1 ? 'get' : 'mget', group.map((place) => keys[place])],
    buffers,
  );
  const values = new Array<unknown>(keys.length);
  let next = 0;
  for (const group of groups.values()) {
    const reply = replies[next++];
    if (group.length === 1) values[group[0]] = stringOf(reply);
    else if (reply instanceof Error) throw reply;
    else group.forEach((place, i) => (values[place] = (reply as unknown[])[i]));
  }
  return values;
};

/** Returns what MGET returns for a key, given the reply of GET: null instead of the error if it is not a string. */
function stringOf(reply: unknown): unknown {
  if (!(reply instanceof Error)) return reply;
  if (reply instanceof ReplyError && reply.code === 'WRONGTYPE') return null;
  throw reply;
}

/** Sends one MSET per slot, all at once. */
export const mset: Recipe = async (steps, args) => {
  const groups = steps.bySlot(pairsOf('mset', args), ([key]) => key);
  const results = await steps.inSlots(groups, (group) => ['mset', group.flat()]);
  const { written, errors } = resultsOfKeys([...groups.values()], results);
  if (errors.size > 0) throw new PartialWriteError('MSET', written, errors);
  return 'OK';
};

/** Checks whether any key exists, then sends one MSETNX per slot, all at once. */
export const msetnx: Recipe = async (steps, args) => {
  const groups = steps.bySlot(pairsOf('msetnx', args), ([key]) => key);
  const found = await steps.inSlots(groups, (group) => ['exists', group.map(([key]) => key)]);
  for (const [error, count] of found) {
    if (error !== null) throw error;
    if (count !== 0) return 0;
  }
  const results = await steps.inSlots(groups, (group) => ['msetnx', group.flat()]);
  if (results.every(([error, reply]) => error === null && reply === 0)) return 0;
  // another client has set one of the keys since
  const settled = results.map(([error, reply]): BatchResult => [
    reply === 0 ? new TransactionConflictError(1) : error,
    reply,
  ]);
  const { written, errors } = resultsOfKeys([...groups.values()], settled);
  if (errors.size > 0) throw new PartialWriteError('MSETNX', written, errors, { retryable: false });
  return 1;
};

/** Returns which keys were written, and why others were not, from the results of their slots. */
function resultsOfKeys(
  groups: readonly (readonly (readonly [key: Argument, value: Argument])[])[],
  results: readonly BatchResult[],
): { written: string[]; errors: Map<string, Error> } {
  const written: string[] = [];
  const errors = new Map<string, Error>();
  groups.forEach((group, i) => {
    const [error] = results[i];
    for (const [key] of group) {
      if (error === null) written.push(String(key));
      else errors.set(String(key), error);
    }
  });
  return { written, errors };
}

function pairsOf(command: string, args: readonly Argument[]): [key: Argument, value: Argument][] {
  if (args.length % 2 === 1) {
    throw new InvalidArgumentError(
      'arguments',
      `${command} takes alternating keys and values, got an odd number of arguments: the last key has no value`,
    );
  }
  return Array.from({ length: args.length / 2 }, (_, i) => [args[2 * i], args[2 * i + 1]]);
}
