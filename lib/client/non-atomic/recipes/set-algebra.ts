import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { TooManyMembersError } from '../non-atomic-errors.js';
import { readMembers } from './read-members.js';
import { inForm, type Recipe } from '../recipe.js';
import { replaceCollection } from './replace-collection.js';
import type { Step, Steps } from '../steps.js';

/** Finds the members of a result, as strings with one character per byte. */
type Algebra = (steps: Steps, keys: readonly Argument[], result: Result) => Promise<void>;

/** The members found so far. */
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

/** Finds the members of the first set that no other set has. */
const difference: Algebra = async (steps, keys, result) => {
  const [first, ...others] = keys;
  // like the server, reject keys that are not sets, even if nothing has to be looked up in them
  const [size] = await sizesOf(steps, keys);
  if (size === 0) return;
  for await (const page of readMembers(steps, first)) {
    const known = await membership(steps, others, page);
    result.add(page.filter((_, i) => known.every((answers) => answers[i] === 0)));
  }
};

/** Finds the members of the smallest set that all other sets have. */
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

/** Returns the sizes of the sets. @throws ReplyError `WRONGTYPE` if a key is not a set */
const sizesOf = (steps: Steps, keys: readonly Argument[]): Promise<number[]> =>
  steps.together(keys.map((key): Step => ['scard', key]));

/** Returns for each key whether its set has each of the members: 1 or 0. */
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

/** Returns the members to the caller. */
const reading =
  (command: string, algebra: Algebra): Recipe =>
  async (steps, keys, buffers) =>
    (await compute(command, algebra, steps, keys)).map((member) => inForm(member, buffers));

/** Stores the members at the first key, and returns how many there are. */
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
