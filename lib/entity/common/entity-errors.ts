import { ClusterError } from '../../cluster/common/errors.js';

/** The row that was to be changed or found is not there. Nothing was written. */
export class EntityNotFoundError extends ClusterError {
  constructor(
    readonly entity: string,
    readonly key: string,
  ) {
    super(`There is no ${entity} at ${key}`, { code: 'ENTITY_NOT_FOUND' });
  }
}

/**
 * A collection was used of an entity that has no row yet, or none any more: save it first. Nothing was sent.
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

/** A row with this key is there already. Nothing was written. */
export class EntityExistsError extends ClusterError {
  constructor(
    readonly entity: string,
    readonly key: string,
  ) {
    super(
      `${entity} at ${key} already exists. An object that was not loaded or saved here counts as new, and so does a copy: ` +
        'load the row first, or use update() or upsert()',
      { code: 'ENTITY_EXISTS' },
    );
  }
}

/**
 * Somebody else changed or deleted the row since it was loaded. Nothing was written: load it again, and decide again.
 */
export class VersionConflictError extends ClusterError {
  /**
   * @param expected the version the write was based on.
   * @param actual the version of the row now; undefined where it is gone.
   */
  constructor(
    readonly entity: string,
    readonly key: string,
    readonly expected: number,
    readonly actual: number | undefined,
  ) {
    const now = actual === undefined ? 'is gone' : `is at version ${actual}`;
    super(`${entity} at ${key} ${now}, but the write was based on version ${expected}`, {
      code: 'VERSION_CONFLICT',
    });
  }
}

/** The row is not as the `where` of an update demands. Nothing was written. */
export class ConditionNotMetError extends ClusterError {
  constructor(
    readonly entity: string,
    readonly key: string,
  ) {
    super(`${entity} at ${key} does not meet the conditions of the update`, { code: 'CONDITION_NOT_MET' });
  }
}

/** Another row, of the partition or of all, holds the value of a unique. Nothing was written. */
export class UniqueViolationError extends ClusterError {
  /**
   * @param unique its name.
   * @param properties what it is over.
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

/** An operation names entities of two partitions; thrown before anything is sent. */
export class CrossPartitionError extends ClusterError {
  constructor(partition: string, key: string) {
    super(`${key} is not in partition ${partition}; one atomic operation cannot span two partitions`, {
      code: 'CROSS_PARTITION',
    });
  }
}

/** A property of the key was changed after the entity was loaded; thrown before anything is sent. */
export class PartitionKeyChangedError extends ClusterError {
  constructor(entity: string, loadedAs: string) {
    super(
      `The key of ${entity} at ${loadedAs} was changed; a row cannot move: insert a new row and delete the old one`,
      {
        code: 'PARTITION_KEY_CHANGED',
      },
    );
  }
}

/** A query names what no index or unique of the entity answers; thrown before anything is sent. */
export class UnindexedQueryError extends ClusterError {
  constructor(
    readonly entity: string,
    message: string,
  ) {
    super(message, { code: 'UNINDEXED_QUERY' });
  }
}

/** A transaction, or `loadAll`, takes more than one step should hold the server for. Nothing was written. */
export class TransactionTooLargeError extends ClusterError {
  constructor(what: string, actual: number, limit: number, subject = 'The transaction') {
    super(`${subject} has ${actual} ${what}, but the limit is ${limit}; split the work`, {
      code: 'TRANSACTION_TOO_LARGE',
    });
  }
}

/** What is wrong in entity classes: all of it at once, each fault naming its class and property. */
export class SchemaError extends ClusterError {
  constructor(readonly faults: readonly string[]) {
    super(
      faults.length === 1
        ? faults[0]
        : `${faults.length} faults in entity classes:\n- ${faults.join('\n- ')}`,
      {
        code: 'SCHEMA_ERROR',
      },
    );
  }
}

/** A stored field is not what the entity's class says. The value itself is not told. */
export class SchemaMismatchError extends ClusterError {
  constructor(
    readonly entity: string,
    readonly property: string,
    readonly key: string,
    expected: string,
  ) {
    super(`${entity}.${property} at ${key} is stored as something other than ${expected}`, {
      code: 'SCHEMA_MISMATCH',
    });
  }
}

/** The server is too old for what was asked. */
export class UnsupportedServerFeatureError extends ClusterError {
  constructor(feature: string, needs: string) {
    super(`${feature} needs ${needs}`, { code: 'UNSUPPORTED_SERVER_FEATURE' });
  }
}

/** Changes were made that can no longer be read: the outbox was trimmed, or a failover has lost them. */
export class ChangesLostError extends ClusterError {
  /** @param resumeFrom a cursor to what is still there: what was lost is behind it, so read the rows anew first. */
  constructor(
    entity: string,
    readonly resumeFrom: string,
  ) {
    super(
      `Changes of ${entity} after the cursor are gone from the outbox; read the rows again, then continue from error.resumeFrom`,
      {
        code: 'CHANGES_LOST',
      },
    );
  }
}

/** The lock is not held any more. What was to be written under it was not written. */
export class LockLostError extends ClusterError {
  constructor(partition: string, why: string) {
    super(`The lock of ${partition} is lost: ${why}`, { code: 'LOCK_LOST' });
  }
}

/** The lock was not free in time. The function was not called. */
export class LockTimeoutError extends ClusterError {
  constructor(partition: string, waitMs: number) {
    super(`The lock of ${partition} was not free within ${waitMs} ms`, {
      code: 'LOCK_TIMEOUT',
      retryable: true,
    });
  }
}

/** What is stored of an entity does not fit its class any more: the schema record says as what it was stored. */
export class SchemaRecordError extends ClusterError {
  constructor(
    readonly entity: string,
    readonly faults: readonly string[],
  ) {
    super(`${entity} does not fit its stored rows: ${faults.join('; ')}`, {
      code: 'SCHEMA_MISMATCH',
    });
  }
}

/**
 * An index was added to rows that are there already, and is not built yet: run `reindex`. A query that needs it fails,
 * and of a unique also a write that would take a value of it; nothing is written then.
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
