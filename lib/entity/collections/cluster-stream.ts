import { STREAM_FIELD } from '../keys/stored-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { ClusterCollection, wholeNumber } from './cluster-collection.js';

/** An element of a stream. */
export interface StreamEntry<T> {
  /** The id that the server gave it: `1700000000000-0`, greater than all before. */
  readonly id: string;
  readonly value: T;
}

/** Which entries of a stream: from one id to another, both included. Milliseconds since 1970 are an id, too. */
export interface StreamRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The newest first. */
  readonly reverse?: boolean | undefined;
  /** The most that are given. */
  readonly limit?: number | undefined;
}

const PAGE = 100;

/** What is only ever appended and read in order, declared by `@StreamOf`. */
export class ClusterStream<T> extends ClusterCollection<T> {
  readonly kind = 'stream';

  /**
   * Appends an element.
   *
   * @param options with `maxLength`, about so many are kept, and the oldest are let go of.
   * @returns its id.
   */
  append(value: T, { maxLength }: { maxLength?: number | undefined } = {}): Promise<string> {
    const bound = () =>
      maxLength === undefined ? [] : ['MAXLEN', '~', wholeNumber('maxLength', maxLength, 0)];
    return this.access.write(
      () => [{ command: 'XADD', args: [...bound(), '*', STREAM_FIELD, this.encode(value)] }],
      ([[id]]) => id.toString(),
    );
  }

  /** Lets go of the oldest elements, so that so many stay. @returns how many are gone. */
  trim(maxLength: number): Promise<number> {
    return this.access.write(
      () => [{ command: 'XTRIM', args: ['MAXLEN', wholeNumber('maxLength', maxLength, 0)] }],
      ([[removed]]) => Number(removed),
    );
  }

  /** Removes elements by their ids. @returns how many were there. */
  delete(...ids: string[]): Promise<number> {
    if (ids.length === 0) return Promise.resolve(0);
    return this.access.write(
      () => [{ command: 'XDEL', args: ids.map((id) => idText('id', id)) }],
      ([[removed]]) => Number(removed),
    );
  }

  /** The entries of a range, the oldest first; by default all of them. */
  async range({ from = '-', to = '+', reverse = false, limit }: StreamRange = {}): Promise<StreamEntry<T>[]> {
    const bounds = [idText('from', from), idText('to', to)];
    const most = limit === undefined ? [] : ['COUNT', wholeNumber('limit', limit, 1)];
    const [command, ends] = reverse ? ['xrevrange', bounds.toReversed()] : ['xrange', bounds];
    return this.entries(await this.access.read(command, ...ends, ...most));
  }

  /** The entries behind one, at most 100 by default; for the next ones `after` is the id of the last. */
  async read({
    after,
    limit = PAGE,
  }: { after?: string | undefined; limit?: number | undefined } = {}): Promise<StreamEntry<T>[]> {
    const from = after === undefined ? '-' : `(${idText('after', after)}`;
    return this.entries(await this.access.read('xrange', from, '+', 'COUNT', wholeNumber('limit', limit, 1)));
  }

  /** How many entries there are. */
  size(): Promise<number> {
    return this.count('xlen');
  }

  /** The entries in their order, in pages, those too that are appended meanwhile. */
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
    `${name} must be the id of an entry, or milliseconds since 1970 as text`,
  );
}
