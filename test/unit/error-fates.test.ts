import * as keyslot from 'keyslot';
import type { Applied, ClusterError } from 'keyslot';
import { afterAttempts } from '../../lib/cluster/retry/attempt-outcome.js';

const {
  ClusterError: Base,
  ConnectionError,
  DeadlineExceededError,
  OutcomeUnknownError,
  ReplyError,
} = keyslot;

/** What an error says of itself: whether anything took effect, and whether the same call may succeed later. */
type Fate = readonly [make: () => ClusterError, applied: Applied, retryable: boolean];

const refused = (): ClusterError => new ReplyError('NOPERM no right');
const passing = (): ClusterError => new DeadlineExceededError('DEL', 1);
const unknown = (): ClusterError => new OutcomeUnknownError('DEL', 'the connection was lost');
const partial = (replies: readonly string[], ...errors: Error[]): ClusterError =>
  new keyslot.PartialFailureError(
    'DEL',
    new Map(replies.map((node) => [node, 1])),
    new Map(errors.map((error, i) => [`node ${i}`, error])),
  );
const written = (keys: readonly string[], ...errors: Error[]): ClusterError =>
  new keyslot.PartialWriteError('MSET', keys, new Map(errors.map((error, i) => [`key ${i}`, error])));

/** Every class of error that is exported; several rows where the fate depends on what came. */
const FATES: Readonly<Record<string, readonly Fate[]>> = {
  ClusterError: [[() => new Base('x', { code: 'X' }), false, false]],
  TopologyError: [
    [() => new keyslot.TopologyError('NO_NODE_REACHABLE', 'x'), false, true],
    [() => new keyslot.TopologyError('NOT_A_CLUSTER', 'x'), false, false],
  ],
  AuthenticationError: [[() => new keyslot.AuthenticationError('x'), false, false]],
  CacheUnavailableError: [[() => new keyslot.CacheUnavailableError('a node', 'x'), false, false]],
  InvalidArgumentError: [[() => new keyslot.InvalidArgumentError('x', 'x'), false, false]],
  CrossSlotError: [[() => new keyslot.CrossSlotError('MSET', new Map()), false, false]],
  BlockedCommandError: [[() => new keyslot.BlockedCommandError('X', 'x'), false, false]],
  DeadlineExceededError: [[passing, false, true]],
  OutcomeUnknownError: [[unknown, 'unknown', false]],
  BackpressureError: [[() => new keyslot.BackpressureError('n', 1, 1), false, true]],
  LeaseTimeoutError: [[() => new keyslot.LeaseTimeoutError('n', 1), false, true]],
  PartialFailureError: [
    [() => partial(['other'], passing()), 'unknown', true],
    [() => partial(['other'], refused()), 'unknown', false],
    [() => partial([], passing(), passing()), false, true],
    [() => partial([], passing(), refused()), false, false],
    [() => partial([], unknown(), passing()), 'unknown', false],
    [() => partial([], new Error('not ours')), 'unknown', false],
    [() => partial([], partial([], unknown())), 'unknown', false],
  ],
  TransactionConflictError: [[() => new keyslot.TransactionConflictError(1), false, true]],
  DurabilityError: [[() => new keyslot.DurabilityError(1, 0, 1), true, false]],
  ClientClosedError: [
    [() => new keyslot.ClientClosedError(), false, false],
    [() => new keyslot.ClientClosedError('unknown'), 'unknown', false],
  ],
  ProtocolError: [[() => new keyslot.ProtocolError('x'), 'unknown', false]],
  UnreadableReplyError: [[() => new keyslot.UnreadableReplyError('GET'), true, false]],
  ConnectionError: [[() => new ConnectionError('n', 'x'), false, true]],
  ReplyError: [
    [refused, false, false],
    [() => new ReplyError('WRONGTYPE x'), false, false],
    [() => new ReplyError('CLUSTERDOWN x'), false, true],
    [() => new ReplyError('LOADING x'), false, true],
    [() => new ReplyError('TRYAGAIN x'), false, true],
  ],
  CommandAbortedError: [[() => new keyslot.CommandAbortedError('GET'), false, false]],
  PipelineUsedError: [[() => new keyslot.PipelineUsedError(), false, false]],
  PartialWriteError: [
    [() => written(['a'], passing()), 'unknown', true],
    [() => written(['a'], refused()), 'unknown', false],
    [() => written([], refused()), false, false],
    [() => written([], unknown()), 'unknown', true],
  ],
  IncompleteOperationError: [
    [() => new keyslot.IncompleteOperationError('SMOVE', 'both', true, refused()), 'unknown', true],
    [() => new keyslot.IncompleteOperationError('SMOVE', 'both', false, refused()), 'unknown', false],
  ],
  SlotMigrationError: [
    [() => new keyslot.SlotMigrationError('SLOT_IN_MIGRATION', 'x', [1]), 'unknown', false],
  ],
  TooManyMembersError: [[() => new keyslot.TooManyMembersError('SUNION', 1), false, false]],
  TemporaryExpiredError: [[() => new keyslot.TemporaryExpiredError('SUNIONSTORE'), false, true]],
  ConnectionHookError: [[() => new keyslot.ConnectionHookError('n', 'x'), false, true]],
  CredentialsUnavailableError: [[() => new keyslot.CredentialsUnavailableError('failed'), false, true]],
  BufferOverflowError: [[() => new keyslot.BufferOverflowError(1), false, false]],
  InvalidPayloadError: [[() => new keyslot.InvalidPayloadError(['x']), false, false]],
  KeyspaceEventsOffError: [[() => new keyslot.KeyspaceEventsOffError('x'), false, false]],
  EntityNotFoundError: [[() => new keyslot.EntityNotFoundError('E', 'k'), false, false]],
  RelationNotLoadedError: [[() => new keyslot.RelationNotLoadedError('E', 'p'), false, false]],
  EntityNotSavedError: [[() => new keyslot.EntityNotSavedError('E', 'p'), false, false]],
  EntityExistsError: [[() => new keyslot.EntityExistsError('E', 'k'), false, false]],
  VersionConflictError: [[() => new keyslot.VersionConflictError('E', 'k', 1, 2), false, false]],
  ConditionNotMetError: [[() => new keyslot.ConditionNotMetError('E', 'k'), false, false]],
  UniqueViolationError: [[() => new keyslot.UniqueViolationError('E', 'u'), false, false]],
  CrossPartitionError: [[() => new keyslot.CrossPartitionError('p', 'k'), false, false]],
  PartitionKeyChangedError: [[() => new keyslot.PartitionKeyChangedError('E', 'k'), false, false]],
  UnindexedQueryError: [[() => new keyslot.UnindexedQueryError('E', 'x'), false, false]],
  TransactionTooLargeError: [[() => new keyslot.TransactionTooLargeError('rows', 2, 1), false, false]],
  RepositoryNotReadyError: [[() => new keyslot.RepositoryNotReadyError('R'), false, false]],
  SchemaError: [[() => new keyslot.SchemaError(['x']), false, false]],
  SchemaMismatchError: [[() => new keyslot.SchemaMismatchError('E', 'p', 'k', 'x'), false, false]],
  SchemaRecordError: [[() => new keyslot.SchemaRecordError('E', ['x']), false, false]],
  UnsupportedServerFeatureError: [[() => new keyslot.UnsupportedServerFeatureError('x', 'y'), false, false]],
  ChangePassedError: [[() => new keyslot.ChangePassedError(), false, false]],
  ChangesLostError: [[() => new keyslot.ChangesLostError('E', 'c'), false, false]],
  LockLostError: [[() => new keyslot.LockLostError('p', 'x'), false, false]],
  LockTimeoutError: [[() => new keyslot.LockTimeoutError('p', 1), false, true]],
  IndexNotReadyError: [[() => new keyslot.IndexNotReadyError('E', 'i'), false, true]],
  CircularImportError: [[() => new keyslot.CircularImportError('x'), false, false]],
  UnknownClusterError: [[() => new keyslot.UnknownClusterError('x', 'y'), false, false]],
};

const exported = Object.entries(keyslot).filter(
  ([, value]) => typeof value === 'function' && (value === Base || value.prototype instanceof Base),
);

describe('errors state what is certain', () => {
  it('every exported error class has a row here', () => {
    expect(Object.keys(FATES).toSorted()).toEqual(exported.map(([name]) => name).toSorted());
  });

  it.each(
    exported.flatMap(([name]) => (FATES[name] ?? []).map((fate, row) => [name, row, ...fate] as const)),
  )('%s (%i)', (name, _, make, applied, retryable) => {
    const error = make();
    expect(error.name).toBe(name);
    expect({ applied: error.applied, retryable: error.retryable }).toEqual({ applied, retryable });
  });

  it('an attempt that lost its reply leaves the outcome unknown, whatever a later attempt meets', () => {
    for (const [make, applied] of Object.values(FATES).flat()) {
      const last = make();
      expect(afterAttempts('SET', last, false)).toBe(last);
      const told = afterAttempts('SET', last, true);
      if (applied === false) {
        expect(told).toBeInstanceOf(OutcomeUnknownError);
        expect(told).toMatchObject({ applied: 'unknown', retryable: false, cause: last });
      } else expect(told).toBe(last);
    }
  });

  it('a deadline includes its cause in its message, because many logs show nothing else', () => {
    const cause = new ConnectionError('10.0.0.1:6379', 'refused');
    expect(new DeadlineExceededError('GET', 300, { cause }).message).toBe(
      'GET was not executed within its deadline of 300 ms: Connection to 10.0.0.1:6379: refused',
    );
  });
});
