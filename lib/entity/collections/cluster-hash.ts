import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkIterable, checkList } from '../common/argument-checks.js';
import { isWellFormed, type Stored, whatFits } from '../codec/codec.js';
import { callsOf, sumOf } from './collection-call.js';
import { ClusterCollection } from './cluster-collection.js';
import { COUNTER_DIGITS } from '../common/counter-digits.js';
import { bigintCodec, numberCodec } from '../codec/scalar-codecs.js';

/** A map of names to values, declared by `@HashOf`. Any text can be a name, even `__proto__`. */
export class ClusterHash<T> extends ClusterCollection<T> {
  readonly kind = 'hash';

  /** Sets the value of a name. @returns whether the name is new. */
  async set(name: string, value: T): Promise<boolean> {
    return (await this.setMany([[name, value]])) > 0;
  }

  /** Sets several values, such as those of a Map. @returns the number of new names. */
  setMany(values: Iterable<readonly [name: string, value: T]>): Promise<number> {
    const pairs = () => {
      checkIterable('values', values);
      return [...values].flatMap(([name, value]): Stored[] => [this.nameOf(name), this.encode(value)]);
    };
    return this.access.write(() => callsOf('HSET', pairs()), sumOf);
  }

  /** Removes values by their names. @returns the number of values removed. */
  delete(...names: string[]): Promise<number> {
    return this.access.write(
      () =>
        callsOf(
          'HDEL',
          names.map((name) => this.nameOf(name)),
        ),
      sumOf,
    );
  }

  /**
   * Adds a whole number to a value in a hash of `Number` or `BigInt`. A missing value counts as 0.
   *
   * @returns the new value.
   * @throws SchemaMismatchError if the stored value is not a whole number of at most 18 digits.
   */
  increment(name: string, by: T & (number | bigint)): Promise<T> {
    const calls = () => {
      const field = this.nameOf(name);
      return [
        { command: 'HINCRBY', args: [field, this.stepText(by)] },
        { command: 'HGET', args: [field] }, // as text: Lua numbers are exact only up to 2^53
      ];
    };
    return this.access.write(calls, ([, [value]]) => this.decode(value));
  }

  /** Returns the value of a name, or null. */
  async get(name: string): Promise<T | null> {
    return this.decodeOne(await this.access.read('hget', this.nameOf(name)));
  }

  /** Returns one value per name, in the same order, with null for missing ones. */
  async getMany(names: readonly string[]): Promise<(T | null)[]> {
    checkList('names', names);
    if (names.length === 0) return [];
    const values = await this.access.readAll(
      'hmget',
      names.map((name) => this.nameOf(name)),
    );
    return (values as unknown[]).map((value) => this.decodeOne(value));
  }

  /** Returns all names and values at one moment. If the hash may not fit into memory, iterate over it instead. */
  async getAll(): Promise<Map<string, T>> {
    const values = Object.entries((await this.access.read('hgetall')) as Record<string, Buffer>);
    return new Map(values.map(([name, value]) => [name, this.decode(value)]));
  }

  /** Returns whether this name has a value. */
  async has(name: string): Promise<boolean> {
    return Number(await this.access.read('hexists', this.nameOf(name))) === 1;
  }

  /** Returns the number of values. */
  size(): Promise<number> {
    return this.count('hlen');
  }

  /**
   * Iterates over names and values, a page at a time, in no particular order. A name that exists throughout appears at
   * least once, and occasionally twice.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<[name: string, value: T], void, undefined> {
    for await (const page of this.access.pages('hscan'))
      for (let i = 0; i + 1 < page.length; i += 2) yield [page[i].toString(), this.decode(page[i + 1])];
  }

  private nameOf(name: string): string {
    if (typeof name === 'string' && isWellFormed(name)) return name;
    throw new InvalidArgumentError('name', `name must be ${whatFits('a string', name)}`);
  }

  private stepText(by: number | bigint): string {
    const { schema, collection } = this.access.place();
    const isWhole =
      (collection.codec === numberCodec && Number.isSafeInteger(by)) ||
      (collection.codec === bigintCodec && typeof by === 'bigint');
    if (isWhole && String(by).replace('-', '').length <= COUNTER_DIGITS)
      return `${by}${typeof by === 'bigint' ? 'n' : ''}`; // the form that the scripts expect
    throw new InvalidArgumentError(
      'by',
      `${schema.name}.${collection.property} is incremented if it holds Number or BigInt, by whole numbers of that type of at most ${COUNTER_DIGITS} digits`,
    );
  }
}
