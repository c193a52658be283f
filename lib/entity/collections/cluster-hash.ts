import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { isWellFormed, type Stored, whatFits } from '../codec/codec.js';
import { callsOf, sumOf } from './collection-call.js';
import { ClusterCollection } from './cluster-collection.js';
import { COUNTER_DIGITS } from '../common/counter-digits.js';
import { bigintCodec, numberCodec } from '../codec/scalar-codecs.js';

/** Values by their names, declared by `@HashOf`. Any text can be a name, `__proto__` among them. */
export class ClusterHash<T> extends ClusterCollection<T> {
  readonly kind = 'hash';

  /** Sets a value. @returns whether its name is new. */
  async set(name: string, value: T): Promise<boolean> {
    return (await this.setMany([[name, value]])) > 0;
  }

  /** Sets values, of a Map for one. @returns how many names are new. */
  setMany(values: Iterable<readonly [name: string, value: T]>): Promise<number> {
    const pairs = () =>
      [...values].flatMap(([name, value]): Stored[] => [this.nameOf(name), this.encode(value)]);
    return this.access.write(() => callsOf('HSET', pairs()), sumOf);
  }

  /** Removes values by their names. @returns how many there were. */
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
   * Adds a whole number to a value, of a hash of `Number` or `BigInt`; a value that is absent is 0.
   *
   * @returns the new value.
   * @throws SchemaMismatchError where the value is no whole number of at most 18 digits.
   */
  increment(name: string, by: T & (number | bigint)): Promise<T> {
    const calls = () => {
      const field = this.nameOf(name);
      return [
        { command: 'HINCRBY', args: [field, this.stepText(by)] },
        { command: 'HGET', args: [field] }, // as text: Lua's numbers are exact to 2^53 only
      ];
    };
    return this.access.write(calls, ([, [value]]) => this.decode(value));
  }

  /** A value, or null. */
  async get(name: string): Promise<T | null> {
    return this.decodeOne(await this.access.read('hget', this.nameOf(name)));
  }

  /** Values in the order of their names, null for those that are not there. */
  async getMany(names: readonly string[]): Promise<(T | null)[]> {
    if (names.length === 0) return [];
    const values = await this.access.readAll(
      'hmget',
      names.map((name) => this.nameOf(name)),
    );
    return (values as unknown[]).map((value) => this.decodeOne(value));
  }

  /** All values by their names, at one moment; a hash that does not fit into memory is iterated over instead. */
  async getAll(): Promise<Map<string, T>> {
    const values = Object.entries((await this.access.read('hgetall')) as Record<string, Buffer>);
    return new Map(values.map(([name, value]) => [name, this.decode(value)]));
  }

  /** Whether there is a value of this name. */
  async has(name: string): Promise<boolean> {
    return Number(await this.access.read('hexists', this.nameOf(name))) === 1;
  }

  /** How many values there are. */
  size(): Promise<number> {
    return this.count('hlen');
  }

  /** Names and values in no order, in pages. What is there throughout is given at least once, now and then twice. */
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
      return `${by}${typeof by === 'bigint' ? 'n' : ''}`; // as the scripts take it
    throw new InvalidArgumentError(
      'by',
      `${schema.name}.${collection.property} is incremented if it holds Number or BigInt, by whole numbers of that type of at most ${COUNTER_DIGITS} digits`,
    );
  }
}
