import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { TooManyMembersError } from '../non-atomic-errors.js';
import { readMembers } from './read-members.js';
import { inForm, type Recipe } from '../recipe.js';
import { replaceCollection } from './replace-collection.js';
import type { Step, Steps } from '../steps.js';

/** Finds the members of a result, as strings of one character a byte. */
type Algebra = (steps: Steps, keys: readonly Argument[], result: Result) => Promise<void>;

/** What was found so far. */
class Result {
  readonly members = new Set<string>();

  constructor(
    private readonly command: string,
    private readonly most: number,
  ) {}

  /** @throws TooManyMembersError */
  add(members: Iterable<string>): void {
    for (const member of members) this.members.add(member);
    if (this.members.size > this.most) throw new TooManyMembersError(this.command, this.most);
  }
}

const union: Algebra = async (steps, keys, result) => {
  for (const key of keys) {
    for await (const page of readMembers(steps, key)) result.add(page);
  }
};

/** Those of the first set of which no other knows. */
const difference: Algebra = async (steps, keys, result) => {
  const [first, ...others] = keys;
  // as the server does, what is no set is refused, also where nothing has to be looked up in it
  const [size] = await sizesOf(steps, keys);
  if (size === 0) return;
  for await (const page of readMembers(steps, first)) {
    const known = await membership(steps, others, page);
    result.add(page.filter((_, i) => known.every((answers) => answers[i] === 0)));
  }
};

/** Those of the smallest set of which all others know. */
const intersection: Algebra = async (steps, keys, result) => {
  const sizes = await sizesOf(steps, keys);
  if (sizes.includes(0)) return;
  const smallest = sizes.indexOf(Math.min(...sizes));
  const others = keys.filter((_, i) => i !== smallest);
  for await (const page of readMembers(steps, keys[smallest])) {
    const known = await membership(steps, others, page);
    result.add(page.filter((_, i) => known.every((answers) => answers[i] === 1)));
  }
};

/** @throws ReplyError `WRONGTYPE` where one of them is no set */
const sizesOf = (steps: Steps, keys: readonly Argument[]): Promise<number[]> =>
  steps.together(keys.map((key): Step => ['scard', key]));

/** For each key, whether its set has each of the members: 1 or 0. */
function membership(
  steps: Steps,
  keys: readonly Argument[],
  members: readonly string[],
): Promise<number[][]> {
  if (members.length === 0) return Promise.resolve([]);
  const sought = members.map(bytesOf);
  return steps.together(keys.map((key): Step => ['smismember', key, ...sought]));
}

const bytesOf = (member: string): Buffer => Buffer.from(member, 'latin1');

async function compute(
  command: string,
  algebra: Algebra,
  steps: Steps,
  keys: readonly Argument[],
): Promise<Buffer[]> {
  const result = new Result(command, steps.maxMembers);
  await algebra(steps, keys, result);
  return Array.from(result.members, bytesOf);
}

/** The members, for the caller. */
const reading =
  (command: string, algebra: Algebra): Recipe =>
  async (steps, keys, buffers) =>
    (await compute(command, algebra, steps, keys)).map((member) => inForm(member, buffers));

/** The members, for the first key; the reply is how many there are. */
const storing =
  (command: string, algebra: Algebra): Recipe =>
  async (steps, [destination, ...keys]) =>
    replaceCollection(steps, command, destination, 'sadd', await compute(command, algebra, steps, keys));

export const sdiff = reading('SDIFF', difference);
export const sinter = reading('SINTER', intersection);
export const sunion = reading('SUNION', union);
export const sdiffstore = storing('SDIFFSTORE', difference);
export const sinterstore = storing('SINTERSTORE', intersection);
export const sunionstore = storing('SUNIONSTORE', union);
