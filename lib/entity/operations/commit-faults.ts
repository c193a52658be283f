import { ROW_FIELDS } from '../keys/stored-names.js';
import {
  ChangePassedError,
  ConditionNotMetError,
  EntityExistsError,
  EntityNotFoundError,
  LockLostError,
  SchemaMismatchError,
  UniqueViolationError,
  VersionConflictError,
} from '../common/entity-errors.js';
import {
  InvalidArgumentError,
  OutcomeUnknownError,
  TransactionConflictError,
} from '../../cluster/common/errors.js';
import { COUNTER_DIGITS } from '../common/counter-digits.js';
import type { RowOperation } from './row-operation.js';

/** Why a commit was refused, as the scripts report it. */
export type FaultCode =
  | 'EXISTS'
  | 'MISSING'
  | 'CONFLICT'
  | 'CORRUPT'
  | 'COUNTER'
  | 'RANGE'
  | 'COLLECTION'
  | 'DUPLICATE'
  | 'CHANGED'
  | 'QUERY'
  | 'HOLD'
  | 'FENCED'
  | 'PASSED'
  | 'UNKNOWN';

/** A refused commit. Nothing was written. */
export interface CommitFault {
  readonly fault: FaultCode;
  /** The operation that was refused. */
  readonly operation: RowOperation;
  /** The version of the row (empty if there is none), or the name of a counter, collection or unique constraint. */
  readonly detail: string;
  /** For a duplicate, the row that holds the value: its id as in keys, and its entry. */
  readonly holder?: { readonly idText: string; readonly entry: string };
}

/** Returns the error for a fault. */
export function faultError({ fault, operation, detail }: CommitFault): Error {
  return ERRORS[fault](operation, detail);
}

/** The expected content of a collection's key, for errors. */
export const COLLECTION_EXPECTS = `its collection, or a number that can be incremented, of at most ${COUNTER_DIGITS} digits`;

const ERRORS: Record<FaultCode, (operation: RowOperation, detail: string) => Error> = {
  EXISTS: ({ schema, key }) => new EntityExistsError(schema.name, key.row),
  MISSING: ({ schema, key, expected }) =>
    expected === undefined
      ? new EntityNotFoundError(schema.name, key.row)
      : new VersionConflictError(schema.name, key.row, expected, undefined),
  CONFLICT: ({ schema, key, expected = 0 }, actual) =>
    new VersionConflictError(schema.name, key.row, expected, Number(actual)),
  CHANGED: ({ schema, key, guards = [] }) =>
    guards.every(([field]) => field === schema.deletion?.property)
      ? new EntityNotFoundError(schema.name, key.row) // the row is deleted softly
      : new ConditionNotMetError(schema.name, key.row),
  CORRUPT: ({ schema, key }) =>
    new SchemaMismatchError(schema.name, ROW_FIELDS.version, key.row, 'a version'),
  COUNTER: ({ schema, key }, counter) =>
    new SchemaMismatchError(
      schema.name,
      counter,
      key.row,
      `a whole number of at most ${COUNTER_DIGITS} digits without leading zeros`,
    ),
  RANGE: ({ schema }, property) =>
    new InvalidArgumentError(
      property,
      `${schema.name}.${property} would leave the range of its type: a number is a safe integer, ` +
        `a bigint has at most ${COUNTER_DIGITS} digits`,
    ),
  COLLECTION: ({ schema, key }, property) =>
    new SchemaMismatchError(schema.name, property, key.row, COLLECTION_EXPECTS),
  FENCED: ({ key }) => new LockLostError(key.tag, 'another holder has it'),
  PASSED: () => new ChangePassedError(),
  UNKNOWN: ({ schema }) =>
    new OutcomeUnknownError(
      `A write of ${schema.name}`,
      'its reply was lost, and the row no longer shows whether it was applied',
    ),
  QUERY: () => new TransactionConflictError(1), // not thrown: the caller runs the transaction again
  HOLD: () => new TransactionConflictError(1), // not thrown: the protocol starts again
  DUPLICATE: ({ schema }, unique) => {
    const index = [...schema.indexes, ...schema.globals].find(({ name }) => name === unique);
    return new UniqueViolationError(
      schema.name,
      unique,
      index?.fields.map(({ property }) => property),
    );
  },
};
