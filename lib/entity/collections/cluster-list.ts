import { callsOf, type CollectionReplies } from './collection-call.js';
import { ClusterCollection, wholeNumber } from './cluster-collection.js';

const PAGE = 100;

/** A list, declared by `@ListOf`. Places count from 0; negative ones from the end, -1 is the last element. */
export class ClusterList<T> extends ClusterCollection<T> {
  readonly kind = 'list';

  /** Appends elements at the end. @returns how many there are now; 0 where none were given. */
  push(...elements: T[]): Promise<number> {
    return this.insert('RPUSH', elements);
  }

  /** Puts elements at the beginning, in the order they are given in. @returns how many there are now, 0 where none were given. */
  unshift(...elements: T[]): Promise<number> {
    return this.insert('LPUSH', elements.toReversed());
  }

  /** Removes the last element, and gives it; null where there is none. */
  pop(): Promise<T | null> {
    return this.take('RPOP');
  }

  /** Removes the first element, and gives it; null where there is none. */
  shift(): Promise<T | null> {
    return this.take('LPOP');
  }

  /** Removes all elements outside of a range, both ends of which stay. */
  trim(from: number, to: number): Promise<void> {
    return this.access.write(
      () => [{ command: 'LTRIM', args: [wholeNumber('from', from), wholeNumber('to', to)] }],
      () => undefined,
    );
  }

  /** Removes elements that are stored the same: all of them, or the first `count`. @returns how many there were. */
  remove(element: T, count = 0): Promise<number> {
    return this.access.write(
      () => [{ command: 'LREM', args: [wholeNumber('count', count, 0), this.encode(element)] }],
      ([[removed]]) => Number(removed),
    );
  }

  /** The element at a place, or null. */
  async at(place: number): Promise<T | null> {
    return this.decodeOne(await this.access.read('lindex', wholeNumber('place', place)));
  }

  /** The elements of a range, both ends included; by default all of them. */
  async range(from = 0, to = -1): Promise<T[]> {
    return this.decodeAll(await this.access.read('lrange', wholeNumber('from', from), wholeNumber('to', to)));
  }

  /** How many elements there are. */
  size(): Promise<number> {
    return this.count('llen');
  }

  /**
   * The elements in their order, in pages by their places: while others put in or take away what stands before,
   * elements may be given twice, or not at all.
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
