import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkWhole } from '../common/argument-checks.js';
import { type Stored, UnfitValue, whatFits } from '../codec/codec.js';
import type { CollectionAccess } from './collection-access.js';
import { collectionKey } from './collection-call.js';
import { CollectionHandle, type CollectionKind } from '../decorators/collection-kind.js';
import { SchemaMismatchError } from '../common/entity-errors.js';
import type { WriteOptions } from '../common/write-options.js';

/**
 * Base class of the collections of entities. A collection has its own Redis key in the slot of its row, and expires
 * with the row. Its writes do not change the row's version, so they do not conflict with saves.
 *
 * Every call is atomic and takes one round trip. If the row is gone, reads find an empty collection.
 *
 * A write fails with EntityNotFoundError if the row is gone, with InvalidArgumentError if an element is not of the
 * collection's type, and with OutcomeUnknownError if its reply was lost, unless the entity has
 * `idempotency: 'window'`. Any call fails with EntityNotSavedError if the entity has no row yet, and with
 * SchemaMismatchError if another program stored data of another type.
 */
export abstract class ClusterCollection<T> extends CollectionHandle {
  /** The type of collection. */
  abstract readonly kind: CollectionKind;

  /** @internal */
  constructor(protected readonly access: CollectionAccess) {
    super();
  }

  /**
   * The Redis key, without the client's `keyPrefix`, such as `{Order:42}:Order:42:tags`.
   *
   * @throws EntityNotSavedError
   */
  get key(): string {
    const { key, collection } = this.access.place();
    return collectionKey(key, collection);
  }

  /**
   * Returns the same collection with these options for its writes.
   *
   * ```ts
   * await order.tags.with({ durability: { replicas: 1, timeoutMs: 100 } }).add('paid');
   * ```
   */
  with(options: WriteOptions): this {
    return Reflect.construct(this.constructor as new () => this, [this.access.with(options)]);
  }

  /** Removes all elements. @returns whether the collection had any. */
  clear(): Promise<boolean> {
    return this.access.write(
      () => [{ command: 'UNLINK', args: [] }],
      ([[removed]]) => Number(removed) > 0,
    );
  }

  protected async count(command: string, ...args: Stored[]): Promise<number> {
    return Number(await this.access.read(command, ...args));
  }

  protected encode(value: T): Stored {
    const { schema, collection } = this.access.place();
    const { property, codec } = collection;
    try {
      if (value !== undefined && value !== null) return codec.encode(value);
    } catch (error) {
      if (!(error instanceof UnfitValue)) throw error;
    }
    throw new InvalidArgumentError(
      property,
      `${schema.name}.${property} holds ${whatFits(codec.expects, value)}`,
    );
  }

  protected decode(stored: Buffer): T {
    const { codec } = this.access.place().collection;
    try {
      return codec.decode(stored) as T;
    } catch {
      throw this.mismatch(); // without the cause: the error of JSON.parse quotes the value
    }
  }

  protected mismatch(): SchemaMismatchError {
    const { schema, collection, key } = this.access.place();
    return new SchemaMismatchError(schema.name, collection.property, key.row, collection.codec.expects);
  }

  protected decodeAll(stored: unknown): T[] {
    return (stored as Buffer[]).map((element) => this.decode(element));
  }

  protected decodeOne(stored: unknown): T | null {
    return Buffer.isBuffer(stored) ? this.decode(stored) : null;
  }
}

/**
 * Returns a whole number as text.
 *
 * @throws InvalidArgumentError
 */
export function wholeNumber(name: string, value: number, least = -Infinity): string {
  checkWhole(name, value, least);
  return String(value);
}
