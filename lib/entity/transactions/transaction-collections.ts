import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { CollectionAccess } from '../collections/collection-access.js';
import type { CollectionCall, CollectionPlace, CollectionWrites } from '../collections/collection-call.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { RowMapper } from '../rows/row-mapper.js';

/** The methods of handles that need no reply. */
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

/**
 * A collection in a transaction. It has the writes of its handle, which are recorded for the commit, without results.
 */
export type TransactionCollection<Handle> = {
  readonly [Name in Extract<keyof Handle, BlindWrite>]: Handle[Name] extends (...args: infer Args) => unknown
    ? (...args: Args) => void
    : never;
};

/** The writes of a transaction to the collections of a row. */
export interface TransactionCollections {
  readonly mapper: RowMapper;
  readonly key: EntityKey;
  readonly collected: CollectionWrites;
}

/** Records writes to a collection. The commit cannot check the elements of a collection, so there are no reads. */
export class RecordedCollection implements CollectionAccess {
  constructor(
    readonly place: () => CollectionPlace,
    private readonly record: (calls: readonly CollectionCall[]) => void,
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

  // Synchronous: callers do not await a recorded write, and an error must reach them.
  write(calls: () => readonly CollectionCall[]): Promise<never> {
    this.record(calls());
    return undefined as never;
  }
}

const unreadable = (): InvalidArgumentError =>
  new InvalidArgumentError(
    'tx',
    'A transaction cannot read collections; read the handle of the entity instead',
  );
