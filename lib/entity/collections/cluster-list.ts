import { callsOf, type CollectionReplies } from './collection-call.js';
import { ClusterCollection, wholeNumber } from './cluster-collection.js';

const PAGE = 100;

/**
 * A list, declared by `@ListOf`. Places count from 0; negative places count from the end, so -1 is the last element.
 */
export class ClusterList<T> extends ClusterCollection<T> {
  readonly kind = 'list';

  /** Appends elements. @returns the new size of the list, or 0 if you pass no elements. */
  push(...elements: T[]): Promise<number> {
    return this.insert('RPUSH', elements);
  }

  /** Prepends elements, keeping their order. @returns the new size of the list, or 0 if you pass no elements. */
  unshift(...elements: T[]): Promise<number> {
    return this.insert('LPUSH', elements.toReversed());
  }

  /** Removes and returns the last element, or returns null if the list is empty. */
  pop(): Promise<T | null> {
    return this.take('RPOP');
  }

  /** Removes and returns the first element, or returns null if the list is empty. */
  shift(): Promise<T | null> {
    return this.take('LPOP');
  }

  /** Removes all elements outside a range. The elements at both ends of the range stay. */
  trim(from: number, to: number): Promise<void> {
    return this.access.write(
      () => [{ command: 'LTRIM', args: [wholeNumber('from', from), wholeNumber('to', to)] }],
      () => undefined,
    );
  }

  /**
   * Removes elements whose stored value equals that of `element`: all of them, or the first `count`.
   *
   * @returns the number of elements removed.
   */
  remove(element: T, count = 0): Promise<number> {
    return this.access.write(
      () => [{ command: 'LREM', args: [wholeNumber('count', count, 0), this.encode(element)] }],
      ([[removed]]) => Number(removed),
    );
  }

  /** Returns the element at a place, or null. */
  async at(place: number): Promise<T | null> {
    return this.decodeOne(await this.access.read('lindex', wholeNumber('place', place)));
  }

  /** Returns the elements of a range, including both ends; all elements by default. */
  async range(from = 0, to = -1): Promise<T[]> {
    return this.decodeAll(await this.access.read('lrange', wholeNumber('from', from), wholeNumber('to', to)));
  }

  /** Returns the number of elements. */
  size(): Promise<number> {
    return this.count('llen');
  }

  /**
   * Iterates over the elements in order, a page at a time. If another client inserts or removes earlier elements
   * meanwhile, an element can appear twice or be missed.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (let from = 0; ; from += PAGE) {
      const page = await this.range(from, from + PAGE - 1);
      yield* page;
      if (page.length < PAGE) return;
    }
  }

  private insert(command: string, elements: readonly T[]): Promise<number> {
    const calls = () =>
      callsOf(
        command,
        elements.map((element) => this.encode(element)),
      );
    return this.access.write(calls, (replies) => Number(replies.at(-1)?.[0] ?? 0));
  }

  private take(command: string): Promise<T | null> {
    const element = ([[taken]]: CollectionReplies): T | null => this.decodeOne(taken);
    return this.access.write(() => [{ command, args: [] }], element);
  }
}
