import { ReplyError } from '../../cluster/common/errors.js';
import {
  type CollectionCall,
  type CollectionPlace,
  type CollectionReplies,
  collectionKey,
} from './collection-call.js';
import type { EntityClient, ElementScan } from '../common/entity-client.js';
import { SchemaMismatchError } from '../common/entity-errors.js';
import type { Stored } from '../codec/codec.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import type { WriteOptions } from '../common/write-options.js';

/** Writes to the collections of rows. */
export interface CollectionWriter {
  /** Whether the lock that protects its writes has been released without being lost. */
  readonly hasEndedWell: boolean;
  /** Runs calls in one atomic step, if the row exists. */
  collect(
    place: CollectionPlace,
    calls: readonly CollectionCall[],
    options: WriteOptions,
  ): Promise<CollectionReplies>;
}

/** How a handle reaches the key of its collection. */
export interface CollectionAccess {
  /** Returns where the collection is. @throws EntityNotSavedError */
  place(): CollectionPlace;
  /** Returns the same access with other write options. */
  with(options: WriteOptions): CollectionAccess;
  /** Runs a read-only command. The reply holds bytes instead of text. */
  read(command: string, ...args: Stored[]): Promise<unknown>;
  /** Runs a read-only command with any number of arguments. */
  readAll(command: string, args: readonly Stored[]): Promise<unknown>;
  /** Iterates over all elements, page by page. */
  pages(scan: ElementScan): AsyncIterable<Buffer[]>;
  /** Runs calls in one atomic step, if the row exists. An empty list sends nothing and has no replies. */
  write<R>(calls: () => readonly CollectionCall[], answer: (replies: CollectionReplies) => R): Promise<R>;
}

/** How many elements a server scans per step. */
const STEP = 100;

/** Reads and writes a collection on the server. */
export class StoredCollection implements CollectionAccess {
  constructor(
    private readonly client: EntityClient,
    private readonly writer: () => CollectionWriter,
    readonly place: () => CollectionPlace,
    private readonly options: WriteOptions = {},
  ) {}

  with(options: WriteOptions): StoredCollection {
    checkEntityOptions('a write', options);
    return new StoredCollection(this.client, this.writer, this.place, { ...this.options, ...options });
  }

  read(command: string, ...args: Stored[]): Promise<unknown> {
    return this.readAll(command, args);
  }

  async readAll(command: string, args: readonly Stored[]): Promise<unknown> {
    const place = this.place();
    try {
      return await this.client.send(command, [collectionKey(place.key, place.collection), ...args], true);
    } catch (error) {
      throw readFault(error, place);
    }
  }

  async *pages(scan: ElementScan): AsyncGenerator<Buffer[]> {
    const place = this.place();
    try {
      yield* this.client.elementPages(scan, collectionKey(place.key, place.collection), { count: STEP });
    } catch (error) {
      throw readFault(error, place);
    }
  }

  async write<R>(
    makeCalls: () => readonly CollectionCall[],
    answer: (replies: CollectionReplies) => R,
  ): Promise<R> {
    const place = this.place();
    const calls = makeCalls();
    return answer(calls.length > 0 ? await this.writer().collect(place, calls, this.options) : []);
  }
}

function readFault(error: unknown, { schema, collection, key }: CollectionPlace): unknown {
  if (!(error instanceof ReplyError) || error.code !== 'WRONGTYPE') return error;
  return new SchemaMismatchError(schema.name, collection.property, key.row, `a ${collection.kind}`);
}
