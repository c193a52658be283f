import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeValue } from '../../cluster/common/describe-value.js';
import { checkIterable, checkObject } from '../common/argument-checks.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { callsOf, sumOf } from './collection-call.js';
import { ClusterCollection, wholeNumber } from './cluster-collection.js';

/** An element of a sorted set with its score. */
export interface Scored<T> {
  readonly element: T;
  readonly score: number;
}

/** A range of scores, including both ends. Leave out `min` or `max` for no bound. */
export interface ScoreBounds {
  readonly min?: number;
  readonly max?: number;
}

/** A range of scores, and which of its elements to return. */
export interface ScoreRange extends ScoreBounds {
  /** Whether to return the highest score first. */
  readonly reverse?: boolean | undefined;
  /** How many elements to skip first. */
  readonly offset?: number | undefined;
  /** The maximum number of elements. */
  readonly limit?: number | undefined;
}

/** A range of ranks, including both ends. Ranks count from 0; negative ranks count from the end. */
export interface RankRange {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Whether rank 0 is the highest score. */
  readonly reverse?: boolean | undefined;
}

/**
 * A set of distinct elements ordered by score, declared by `@SortedSetOf`. The lowest score comes first; elements with
 * equal scores are ordered by their stored bytes.
 */
export class ClusterSortedSet<T> extends ClusterCollection<T> {
  readonly kind = 'sorted set';

  /** Adds an element, or changes its score. @returns whether the element is new. */
  async add(element: T, score: number): Promise<boolean> {
    return (await this.addMany([[element, score]])) > 0;
  }

  /** Adds elements, or changes their scores. @returns the number of new elements. */
  addMany(elements: Iterable<readonly [element: T, score: number]>): Promise<number> {
    const pairs = () => {
      checkIterable('elements', elements);
      return [...elements].flatMap(([element, score]) => [scoreText('score', score), this.encode(element)]);
    };
    return this.access.write(() => callsOf('ZADD', pairs()), sumOf);
  }

  /** Adds to the score of an element. A missing element counts as 0. @returns the new score. */
  increment(element: T, by = 1): Promise<number> {
    return this.access.write(
      () => [{ command: 'ZINCRBY', args: [scoreText('by', by), this.encode(element)] }],
      ([[score]]) => scoreOf(score),
    );
  }

  /** Removes elements. @returns the number of elements removed. */
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
      checkEntityOptions('a range of scores', bounds);
      const both = boundsOf(bounds);
      if (bounds.min !== undefined || bounds.max !== undefined) return both;
      throw new InvalidArgumentError(
        'bounds',
        'bounds must have min or max; -Infinity and Infinity mean all',
      );
    };
    return this.access.write(() => [{ command: 'ZREMRANGEBYSCORE', args: args() }], sumOf);
  }

  /** Removes all but the `count` elements with the highest scores. @returns the number of elements removed. */
  keepHighest(count: number): Promise<number> {
    const last = (): string => `-${Number(wholeNumber('count', count, 0)) + 1}`;
    return this.access.write(() => [{ command: 'ZREMRANGEBYRANK', args: ['0', last()] }], sumOf);
  }

  /** Removes all but the `count` elements with the lowest scores. @returns the number of elements removed. */
  keepLowest(count: number): Promise<number> {
    const first = (): string => wholeNumber('count', count, 0);
    return this.access.write(() => [{ command: 'ZREMRANGEBYRANK', args: [first(), '-1'] }], sumOf);
  }

  /** Returns the score of an element, or null. */
  async score(element: T): Promise<number | null> {
    const score = await this.access.read('zscore', this.encode(element));
    return score === null ? null : scoreOf(score);
  }

  /** Returns the number of elements before this one, or null if the set does not have it. */
  async rank(element: T, options: { reverse?: boolean | undefined } = {}): Promise<number | null> {
    checkEntityOptions('rank()', options);
    const { reverse = false } = options;
    const rank = await this.access.read(reverse ? 'zrevrank' : 'zrank', this.encode(element));
    return rank === null ? null : Number(rank);
  }

  /** Returns the elements of a range of ranks; all elements by default. */
  async range(options: RankRange = {}): Promise<Scored<T>[]> {
    checkEntityOptions('range() of a sorted set', options);
    const { from = 0, to = -1, reverse = false } = options;
    const args = [wholeNumber('from', from), wholeNumber('to', to), ...(reverse ? ['REV'] : [])];
    return this.scored(await this.access.read('zrange', ...args, 'WITHSCORES'));
  }

  /** Returns the elements of a range of scores. */
  async rangeByScore(range: ScoreRange = {}): Promise<Scored<T>[]> {
    checkEntityOptions('rangeByScore()', range);
    const { reverse = false, offset = 0, limit } = range;
    const bounds = boundsOf(range);
    const args = ['BYSCORE', ...(reverse ? ['REV'] : [])];
    const most = limit === undefined ? '-1' : wholeNumber('limit', limit, 1);
    args.push('LIMIT', wholeNumber('offset', offset, 0), most, 'WITHSCORES');
    return this.scored(
      await this.access.read('zrange', ...(reverse ? bounds.toReversed() : bounds), ...args),
    );
  }

  /** Returns the number of elements in a range of scores. */
  async countByScore(bounds: ScoreBounds): Promise<number> {
    checkEntityOptions('a range of scores', bounds);
    return this.count('zcount', ...boundsOf(bounds));
  }

  /** Returns the number of elements. */
  size(): Promise<number> {
    return this.count('zcard');
  }

  /**
   * Iterates over the elements with their scores, a page at a time, in no particular order; for an order use `range`.
   * An element that exists throughout appears at least once, and occasionally twice.
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

/** Returns a finite score as text: a sum of infinities can be NaN, which the server rejects. */
function scoreText(name: string, score: number): string {
  if (Number.isFinite(score)) return String(score);
  throw new InvalidArgumentError(name, `${name} must be a finite number, got ${describeValue(score)}`);
}

function boundsOf(given: ScoreBounds): string[] {
  checkObject('bounds', given);
  for (const name of ['min', 'max'] as const)
    if (Object.hasOwn(given, name) && given[name] === undefined)
      throw new InvalidArgumentError(name, `${name} is undefined: leave it out for no bound`);
  const { min = -Infinity, max = Infinity } = given;
  for (const [name, bound] of Object.entries({ min, max }))
    if (typeof bound !== 'number' || Number.isNaN(bound))
      throw new InvalidArgumentError(name, `${name} must be a number, got ${describeValue(bound)}`);
  return [min, max].map((bound) => (Number.isFinite(bound) ? String(bound) : bound < 0 ? '-inf' : '+inf'));
}

function scoreOf(reply: unknown): number {
  const text = String(reply);
  return text.endsWith('inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
}
