import { STREAM_FIELD } from '../keys/stored-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeOther } from '../../cluster/common/describe-value.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { ClusterCollection, wholeNumber } from './cluster-collection.js';

/** An element of a stream. */
export interface StreamEntry<T> {
  /** The id that the server assigned, such as `1700000000000-0`. It is greater than all earlier ids. */
  readonly id: string;
  readonly value: T;
}

/** A range of stream entries, including both ends. Milliseconds since 1970 are valid as an id. */
export interface StreamRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Whether to return the newest entry first. */
  readonly reverse?: boolean | undefined;
  /** The maximum number of entries. */
  readonly limit?: number | undefined;
}

const PAGE = 100;

/** An append-only stream that is read in order, declared by `@StreamOf`. */
export class ClusterStream<T> extends ClusterCollection<T> {
  readonly kind = 'stream';

  /**
   * Appends an element.
   *
   * @param options with `maxLength`, the server removes the oldest entries and keeps about this many.
   * @returns the id of the new entry.
   */
  append(value: T, options: { maxLength?: number | undefined } = {}): Promise<string> {
    const bound = () => {
      checkEntityOptions('append()', options);
      const { maxLength } = options;
      return maxLength === undefined ? [] : ['MAXLEN', '~', wholeNumber('maxLength', maxLength, 0)];
    };
    return this.access.write(
      () => [{ command: 'XADD', args: [...bound(), '*', STREAM_FIELD, this.encode(value)] }],
      ([[id]]) => id.toString(),
    );
  }

  /** Removes the oldest entries so that `maxLength` entries remain. @returns the number of entries removed. */
  trim(maxLength: number): Promise<number> {
    return this.access.write(
      () => [{ command: 'XTRIM', args: ['MAXLEN', wholeNumber('maxLength', maxLength, 0)] }],
      ([[removed]]) => Number(removed),
    );
  }

  /** Removes entries by their ids. @returns the number of entries removed. */
  delete(...ids: string[]): Promise<number> {
    if (ids.length === 0) return Promise.resolve(0);
    return this.access.write(
      () => [{ command: 'XDEL', args: ids.map((id) => idText('id', id)) }],
      ([[removed]]) => Number(removed),
    );
  }

  /** Returns the entries of a range, oldest first; all entries by default. */
  async range(options: StreamRange = {}): Promise<StreamEntry<T>[]> {
    checkEntityOptions('range() of a stream', options);
    const { from = '-', to = '+', reverse = false, limit } = options;
    const bounds = [idText('from', from), idText('to', to)];
    const most = limit === undefined ? [] : ['COUNT', wholeNumber('limit', limit, 1)];
    const [command, ends] = reverse ? ['xrevrange', bounds.toReversed()] : ['xrange', bounds];
    return this.entries(await this.access.read(command, ...ends, ...most));
  }

  /** Returns entries after an id, at most 100 by default. For the next page, pass the last id as `after`. */
  async read(
    options: { after?: string | undefined; limit?: number | undefined } = {},
  ): Promise<StreamEntry<T>[]> {
    checkEntityOptions('read()', options);
    const { after, limit = PAGE } = options;
    const from = after === undefined ? '-' : `(${idText('after', after)}`;
    return this.entries(await this.access.read('xrange', from, '+', 'COUNT', wholeNumber('limit', limit, 1)));
  }

  /** Returns the number of entries. */
  size(): Promise<number> {
    return this.count('xlen');
  }

  /** Iterates over the entries in order, a page at a time, including entries that are appended meanwhile. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEntry<T>, void, undefined> {
    for (let after: string | undefined; ;) {
      const page = await this.read({ after });
      yield* page;
      if (page.length < PAGE) return;
      after = page.at(-1)!.id;
    }
  }

  private entries(reply: unknown): StreamEntry<T>[] {
    return (reply as [id: Buffer, fields: Buffer[]][]).map(([id, fields]) => {
      const at = fields.findIndex((field, i) => i % 2 === 0 && field.toString() === STREAM_FIELD);
      if (at < 0) throw this.mismatch(); // appended by others
      return { id: id.toString(), value: this.decode(fields[at + 1]) };
    });
  }
}

function idText(name: string, id: string): string {
  if (typeof id === 'string' && /^(\d{1,20}(-\d{1,20})?|[-+])$/.test(id)) return id;
  throw new InvalidArgumentError(
    name,
    `${name} must be the id of an entry, or milliseconds since 1970 as text, got ${describeOther(id)}`,
  );
}
