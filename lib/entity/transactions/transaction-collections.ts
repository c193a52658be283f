import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { CollectionAccess } from '../collections/collection-access.js';
import type { CollectionCall, CollectionPlace, CollectionWrites } from '../collections/collection-call.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { RowMapper } from '../rows/row-mapper.js';

/** The methods of handles that need no answer. */
type BlindWrite =
  | 'add'
  | 'addMany'
  | 'append'
  | 'clear'
  | 'delete'
  | 'deleteByScore'
  | 'increment'
  | 'keepHighest'
  | 'keepLowest'
  | 'push'
  | 'remove'
  | 'set'
  | 'setMany'
  | 'trim'
  | 'unshift';

/** A collection inside a transaction: the writes of its handle, which are noted for the commit and answer nothing. */
export type TransactionCollection<Handle> = {
  readonly [Name in Extract<keyof Handle, BlindWrite>]: Handle[Name] extends (...args: infer Args) => unknown
    ? (...args: Args) => void
    : never;
};

/** What the transaction is to do to the collections of a row. */
export interface TransactionCollections {
  readonly mapper: RowMapper;
  readonly key: EntityKey;
  readonly collected: CollectionWrites;
}

/** Notes what is written to a collection. What it holds cannot be checked at the commit, so it cannot be read here. */
export class NotedCollection implements CollectionAccess {
  constructor(
    readonly place: () => CollectionPlace,
    private readonly note: (calls: readonly CollectionCall[]) => void,
  ) {}

  with(): never {
    throw new InvalidArgumentError('options', 'Writes in a transaction use the options of the transaction');
  }

  readAll(): never {
    return this.read();
  }

  read(): never {
    throw unreadable();
  }

  pages(): never {
    throw unreadable();
  }

  // Not asynchronous: nobody waits for what is noted, and an error must reach whoever made it.
  write(calls: () => readonly CollectionCall[]): Promise<never> {
    this.note(calls());
    return undefined as never;
  }
}

const unreadable = (): InvalidArgumentError =>
  new InvalidArgumentError('tx', 'A transaction does not read collections: read the handle of the entity');
