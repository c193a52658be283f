import { callsOf, sumOf } from './collection-call.js';
import { ClusterCollection, wholeNumber } from './cluster-collection.js';

/** A set of distinct elements, declared by `@SetOf`. Two elements are equal if their stored values are equal. */
export class ClusterSet<T> extends ClusterCollection<T> {
  readonly kind = 'set';

  /** Adds elements. @returns the number of new elements. */
  add(...elements: T[]): Promise<number> {
    return this.access.write(
      () =>
        callsOf(
          'SADD',
          elements.map((element) => this.encode(element)),
        ),
      sumOf,
    );
  }

  /** Removes elements. @returns the number of elements removed. */
  delete(...elements: T[]): Promise<number> {
    return this.access.write(
      () =>
        callsOf(
          'SREM',
          elements.map((element) => this.encode(element)),
        ),
      sumOf,
    );
  }

  /** Removes and returns up to `count` random elements. */
  pop(count = 1): Promise<T[]> {
    return this.access.write(
      () => [{ command: 'SPOP', args: [wholeNumber('count', count, 1)] }],
      ([elements]) => this.decodeAll(elements),
    );
  }

  /** Returns whether the set has an element. */
  async has(element: T): Promise<boolean> {
    return Number(await this.access.read('sismember', this.encode(element))) === 1;
  }

  /** Returns the number of elements. */
  size(): Promise<number> {
    return this.count('scard');
  }

  /** Returns all elements at one moment, in no order. If the set may not fit into memory, iterate over it instead. */
  async members(): Promise<T[]> {
    return this.decodeAll([...((await this.access.read('smembers')) as Iterable<Buffer>)]);
  }

  /**
   * Iterates over the elements, a page at a time, in no particular order. An element that exists throughout appears at
   * least once, and occasionally twice.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.access.pages('sscan')) yield* this.decodeAll(page);
  }
}
