import { callsOf, sumOf } from './collection-call.js';
import { ClusterCollection, wholeNumber } from './cluster-collection.js';

/** A set of distinct elements, declared by `@SetOf`. Two elements are the same where they are stored the same. */
export class ClusterSet<T> extends ClusterCollection<T> {
  readonly kind = 'set';

  /** Adds elements. @returns how many were not there before. */
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

  /** Removes elements. @returns how many were there. */
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

  /** Removes elements at random, and gives them; fewer where there are fewer. */
  pop(count = 1): Promise<T[]> {
    return this.access.write(
      () => [{ command: 'SPOP', args: [wholeNumber('count', count, 1)] }],
      ([elements]) => this.decodeAll(elements),
    );
  }

  /** Whether an element is in the set. */
  async has(element: T): Promise<boolean> {
    return Number(await this.access.read('sismember', this.encode(element))) === 1;
  }

  /** How many elements there are. */
  size(): Promise<number> {
    return this.count('scard');
  }

  /** All elements, in no order, at one moment; a set that does not fit into memory is iterated over instead. */
  async members(): Promise<T[]> {
    return this.decodeAll([...((await this.access.read('smembers')) as Iterable<Buffer>)]);
  }

  /** The elements in no order, in pages. One that is there throughout is given at least once, now and then twice. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.access.pages('sscan')) yield* this.decodeAll(page);
  }
}
