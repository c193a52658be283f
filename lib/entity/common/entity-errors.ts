import { ClusterError } from '../../cluster/common/errors.js';

/** An error about one row. */
abstract class RowError extends ClusterError {
  /** The key of the row in Redis. Not in the message and not enumerable, so that logs do not show it. */
  declare readonly key: string;
  protected constructor(
    /** The name of the row's entity. */
    readonly entity: string,
    key: string,
    message: string,
    code: string,
  ) {
    super(message, { code });
    hide(this, { key });
  }
}

/** An error about one partition. */
abstract class PartitionError extends ClusterError {
  /** The hash tag of the partition. Not in the message and not enumerable, so that logs do not show it. */
  declare readonly partition: string;
  protected constructor(partition: string, message: string, kind: { code: string; retryable?: boolean }) {
    super(message, kind);
    hide(this, { partition });
  }
}

/** Gives an error properties that are not enumerable. */
function hide(error: ClusterError, properties: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(properties)) Object.defineProperty(error, name, { value });
}

/** The row does not exist. Nothing was written. */
export class EntityNotFoundError extends RowError {
  constructor(entity: string, key: string) {
    super(entity, key, `There is no ${entity} with this key`, 'ENTITY_NOT_FOUND');
  }
}

/**
 * A collection was used on an entity without a row: it was never saved, or it was deleted. Save the entity first.
 * Nothing was sent.
 */
export class EntityNotSavedError extends ClusterError {
  constructor(
    readonly entity: string,
    readonly property: string,
  ) {
    super(`${entity}.${property} is a collection of an entity that was never saved; save the entity first`, {
      code: 'ENTITY_NOT_SAVED',
    });
  }
}

/** A relation was read that the call which loaded the entity did not load. Nothing was sent. */
export class RelationNotLoadedError extends ClusterError {
  constructor(
    readonly entity: string,
    readonly property: string,
  ) {
    super(
      `${entity}.${property} is a relation that was not loaded: pass { with: ['${property}'] } to findOne(), ` +
        'findOneOrFail() or findMany()',
      { code: 'RELATION_NOT_LOADED' },
    );
  }
}

/** A row with this key already exists. Nothing was written. */
export class EntityExistsError extends RowError {
  constructor(entity: string, key: string) {
    super(
      entity,
      key,
      `The row of ${entity} already exists. An object that was not loaded or saved here counts as new, and so does a copy: ` +
        'load the row first, or use update() or upsert()',
      'ENTITY_EXISTS',
    );
  }
}

/**
 * The row was changed or deleted since it was loaded. Nothing was written. Load the row and apply your change again.
 */
export class VersionConflictError extends RowError {
  /**
   * @param expected the version the write was based on.
   * @param actual the current version of the row; undefined if the row is gone.
   */
  constructor(
    entity: string,
    key: string,
    readonly expected: number,
    readonly actual: number | undefined,
  ) {
    const now = actual === undefined ? 'is gone' : `is at version ${actual}`;
    const remedy = actual === undefined ? '' : '. Load the row, and apply the change to it again';
    super(
      entity,
      key,
      `The row of ${entity} ${now}, but the write was based on version ${expected}${remedy}`,
      'VERSION_CONFLICT',
    );
  }
}

/** The row does not match the `where` of an update. Nothing was written. */
export class ConditionNotMetError extends RowError {
  constructor(entity: string, key: string) {
    super(
      entity,
      key,
      `The row of ${entity} does not meet the conditions of the update`,
      'CONDITION_NOT_MET',
    );
  }
}

/** Another row already has the value of a unique constraint. Nothing was written. */
export class UniqueViolationError extends ClusterError {
  /**
   * @param unique the name of the unique constraint.
   * @param properties the properties that it covers.
   */
  constructor(
    readonly entity: string,
    readonly unique: string,
    readonly properties: readonly string[] = [unique],
  ) {
    super(
      `Another ${entity} already has this value of the unique constraint '${unique}' (${properties.join(', ')})`,
      { code: 'UNIQUE_VIOLATION' },
    );
  }
}

/** An operation involves entities of two partitions. It is thrown before anything is sent. */
export class CrossPartitionError extends PartitionError {
  /** The key of the row of another partition, if there is one. Not enumerable, so that logs do not show it. */
  declare readonly key: string | undefined;
  constructor(partition: string, entity: string, key?: string, what = 'The row') {
    super(
      partition,
      `${what} of ${entity} is not in the partition of the operation; one atomic operation cannot span two partitions`,
      { code: 'CROSS_PARTITION' },
    );
    hide(this, { key });
  }
}

/** A key property was changed after the entity was loaded. It is thrown before anything is sent. */
export class PartitionKeyChangedError extends RowError {
  /** @param loadedAs the key that the row was loaded by. */
  constructor(entity: string, loadedAs: string) {
    super(
      entity,
      loadedAs,
      `The key of a loaded ${entity} was changed; a row cannot move: insert a new row and delete the old one`,
      'PARTITION_KEY_CHANGED',
    );
  }
}

/** No index or unique constraint of the entity covers a query. It is thrown before anything is sent. */
export class UnindexedQueryError extends ClusterError {
  constructor(
    readonly entity: string,
    message: string,
  ) {
    super(message, { code: 'UNINDEXED_QUERY' });
  }
}

/** A transaction or a `loadAll` involves too many rows or bytes for one atomic step. Nothing was written. */
export class TransactionTooLargeError extends ClusterError {
  constructor(
    what: string,
    actual: number,
    limit: number,
    subject = 'The transaction',
    remedy = 'split the work',
  ) {
    super(`${subject} has ${actual} ${what}, but the limit is ${limit}; ${remedy}`, {
      code: 'TRANSACTION_TOO_LARGE',
    });
  }
}

/** Entity classes have faults. The error lists all of them; each names its class and property. */
export class SchemaError extends ClusterError {
  constructor(readonly faults: readonly string[]) {
    super(
      faults.length === 1
        ? faults[0]
        : `${faults.length} faults in entity classes:\n- ${faults.join('\n- ')}`,
      { code: 'SCHEMA_ERROR' },
    );
  }
}

/** A stored field does not have the type that the entity's class declares. The error never includes the value. */
export class SchemaMismatchError extends RowError {
  constructor(
    entity: string,
    readonly property: string,
    key: string,
    expected: string,
  ) {
    super(
      entity,
      key,
      `${entity}.${property} is stored as something other than ${expected}; error.key is the key of the row`,
      'SCHEMA_MISMATCH',
    );
  }
}

/** Changes can no longer be read: the outbox was trimmed, or a failover lost them. */
export class ChangesLostError extends ClusterError {
  /** @param resumeFrom a cursor to the changes that are left. Some before it are lost, so read the rows again first. */
  constructor(
    entity: string,
    readonly resumeFrom: string,
  ) {
    super(
      `Changes of ${entity} after the cursor are gone from the outbox; read the rows again, then continue from error.resumeFrom`,
      { code: 'CHANGES_LOST' },
    );
  }
}

/**
 * A follower of changes wanted to commit together with its position, and another process of its group has handled the
 * change already. Nothing was written.
 */
export class ChangePassedError extends ClusterError {
  constructor() {
    super(
      'Another process of the group has handled this change, so nothing was written: let this error end the handler',
      { code: 'CHANGE_PASSED' },
    );
  }
}

/** The lock is no longer held. The write under it was not applied. */
export class LockLostError extends PartitionError {
  constructor(partition: string, why: string) {
    super(partition, `The lock of the partition is lost: ${why}`, { code: 'LOCK_LOST' });
  }
}

/** The lock did not become free in time. The function was not called. */
export class LockTimeoutError extends PartitionError {
  constructor(partition: string, waitMs: number) {
    super(partition, `The lock of the partition was not free within ${waitMs} ms`, {
      code: 'LOCK_TIMEOUT',
      retryable: true,
    });
  }
}

/**
 * An index was added to existing rows and is not built yet: run `reindex`. A query that needs the index fails. For a
 * unique constraint, a write that would take a value fails too, and nothing is written.
 */
export class IndexNotReadyError extends ClusterError {
  constructor(
    readonly entity: string,
    readonly index: string,
    message = `The index '${index}' of ${entity} is being built: run repository.reindex() once to make it ready`,
  ) {
    super(message, { code: 'INDEX_NOT_READY', retryable: true });
  }
}

/** A repository of an application's own class was used before it was bound to a client. Nothing was sent. */
export class RepositoryNotReadyError extends ClusterError {
  constructor(repository: string) {
    super(
      `${repository} has no client yet. With Nest, list it among the providers of a module and use it from ` +
        'onModuleInit() on, not in its constructor. Without Nest, call bind() of the entity registry first.',
      { code: 'REPOSITORY_NOT_READY' },
    );
  }
}
