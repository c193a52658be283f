import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkObject } from '../common/argument-checks.js';
import { callsOf, sumOf } from './collection-call.js';
import { ClusterCollection, wholeNumber } from './cluster-collection.js';

/** An element of a sorted set with its score. */
export interface Scored<T> {
  readonly element: T;
  readonly score: number;
}

/** Which scores: from the least to the greatest, both included; without one there is no bound. */
export interface ScoreBounds {
  readonly min?: number;
  readonly max?: number;
}

/** A range of scores, and which of its elements. */
export interface ScoreRange extends ScoreBounds {
  /** From the greatest score to the least. */
  readonly reverse?: boolean | undefined;
  /** How many are passed over first. */
  readonly offset?: number | undefined;
  /** The most that are given. */
  readonly limit?: number | undefined;
}

/** A range of ranks, both ends included; from 0, negative ones from the end. */
export interface RankRange {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Rank 0 is the greatest score. */
  readonly reverse?: boolean | undefined;
}

/**
 * Distinct elements by their scores, declared by `@SortedSetOf`: the least first, those of one score in the order of
 * their bytes.
 */
export class ClusterSortedSet<T> extends ClusterCollection<T> {
  readonly kind = 'sorted set';

  /** Puts an element in, or changes its score. @returns whether it was not there before. */
  async add(element: T, score: number): Promise<boolean> {
    return (await this.addMany([[element, score]])) > 0;
  }

  /** Puts elements in, or changes their scores. @returns how many were not there before. */
  addMany(elements: Iterable<readonly [element: T, score: number]>): Promise<number> {
    const pairs = () =>
      [...elements].flatMap(([element, score]) => [scoreText('score', score), this.encode(element)]);
    return this.access.write(() => callsOf('ZADD', pairs()), sumOf);
  }

  /** Adds to the score of an element, which is 0 where there is none yet. @returns its new score. */
  increment(element: T, by = 1): Promise<number> {
    return this.access.write(
      () => [{ command: 'ZINCRBY', args: [scoreText('by', by), this.encode(element)] }],
      ([[score]]) => scoreOf(score),
    );
  }

  /** Removes elements. @returns how many were there. */
  delete(...elements: T[]): Promise<number> {
    return this.access.write(
      () =>
        callsOf(
          'ZREM',
          elements.map((element) => this.encode(element)),
        ),
      sumOf,
    );
  }

  /**
   * Removes the elements of a range of scores. @returns how many there were.
   *
   * @throws InvalidArgumentError without a bound: name `-Infinity` to `Infinity` to remove all.
   */
  deleteByScore(bounds: ScoreBounds): Promise<number> {
    const args = (): string[] => {
      const both = boundsOf(bounds);
      if (bounds.min !== undefined || bounds.max !== undefined) return both;
      throw new InvalidArgumentError(
        'bounds',
        'bounds must have min or max; -Infinity and Infinity mean all',
      );
    };
    return this.access.write(() => [{ command: 'ZREMRANGEBYSCORE', args: args() }], sumOf);
  }

  /** Removes all but so many elements, those of the greatest scores. @returns how many are gone. */
  keepHighest(count: number): Promise<number> {
    const last = (): string => `-${Number(wholeNumber('count', count, 0)) + 1}`;
    return this.access.write(() => [{ command: 'ZREMRANGEBYRANK', args: ['0', last()] }], sumOf);
  }

  /** Removes all but so many elements, those of the least scores. @returns how many are gone. */
  keepLowest(count: number): Promise<number> {
    const first = (): string => wholeNumber('count', count, 0);
    return this.access.write(() => [{ command: 'ZREMRANGEBYRANK', args: [first(), '-1'] }], sumOf);
  }

  /** The score of an element, or null. */
  async score(element: T): Promise<number | null> {
    const score = await this.access.read('zscore', this.encode(element));
    return score === null ? null : scoreOf(score);
  }

  /** How many elements stand before one, or null where it is not there. */
  async rank(
    element: T,
    { reverse = false }: { reverse?: boolean | undefined } = {},
  ): Promise<number | null> {
    const rank = await this.access.read(reverse ? 'zrevrank' : 'zrank', this.encode(element));
    return rank === null ? null : Number(rank);
  }

  /** The elements of a range of ranks; by default all of them. */
  async range({ from = 0, to = -1, reverse = false }: RankRange = {}): Promise<Scored<T>[]> {
    const args = [wholeNumber('from', from), wholeNumber('to', to), ...(reverse ? ['REV'] : [])];
    return this.scored(await this.access.read('zrange', ...args, 'WITHSCORES'));
  }

  /** The elements of a range of scores. */
  async rangeByScore(range: ScoreRange = {}): Promise<Scored<T>[]> {
    const { reverse = false, offset = 0, limit } = range;
    const bounds = boundsOf(range);
    const args = ['BYSCORE', ...(reverse ? ['REV'] : [])];
    const most = limit === undefined ? '-1' : wholeNumber('limit', limit, 1);
    args.push('LIMIT', wholeNumber('offset', offset, 0), most, 'WITHSCORES');
    return this.scored(
      await this.access.read('zrange', ...(reverse ? bounds.toReversed() : bounds), ...args),
    );
  }

  /** How many elements there are, of a range of scores. */
  async countByScore(bounds: ScoreBounds): Promise<number> {
    return this.count('zcount', ...boundsOf(bounds));
  }

  /** How many elements there are. */
  size(): Promise<number> {
    return this.count('zcard');
  }

  /**
   * The elements with their scores, in pages and in no order; `range` has one. What is there throughout is given at
   * least once, now and then twice.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Scored<T>, void, undefined> {
    for await (const page of this.access.pages('zscan')) yield* this.scored(page);
  }

  private scored(reply: unknown): Scored<T>[] {
    const flat = reply as (Buffer | number)[];
    return Array.from({ length: flat.length / 2 }, (_, i) => ({
      element: this.decode(flat[2 * i] as Buffer),
      score: scoreOf(flat[2 * i + 1]),
    }));
  }
}

/** A number that a sum with another cannot make NaN, which the server would refuse. */
function scoreText(name: string, score: number): string {
  if (Number.isFinite(score)) return String(score);
  throw new InvalidArgumentError(name, `${name} must be a finite number`);
}

function boundsOf(given: ScoreBounds): string[] {
  checkObject('bounds', given);
  for (const name of ['min', 'max'] as const)
    if (Object.hasOwn(given, name) && given[name] === undefined)
      throw new InvalidArgumentError(name, `${name} is undefined: leave it out for no bound`);
  const { min = -Infinity, max = Infinity } = given;
  for (const [name, bound] of Object.entries({ min, max }))
    if (typeof bound !== 'number' || Number.isNaN(bound))
      throw new InvalidArgumentError(name, `${name} must be a number`);
  return [min, max].map((bound) => (Number.isFinite(bound) ? String(bound) : bound < 0 ? '-inf' : '+inf'));
}

function scoreOf(reply: unknown): number {
  const text = String(reply);
  return text.endsWith('inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
}
