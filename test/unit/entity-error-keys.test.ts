import { inspect } from 'node:util';
import {
  ConditionNotMetError,
  CrossPartitionError,
  EntityExistsError,
  EntityNotFoundError,
  LockLostError,
  LockTimeoutError,
  PartitionKeyChangedError,
  SchemaMismatchError,
  VersionConflictError,
} from 'keyslot';

const ROW = '{User:ada@example.org}:User:ada@example.org';
const PARTITION = '{User:ada@example.org}';

describe('an error about a row or a partition', () => {
  it.each([
    new EntityNotFoundError('User', ROW),
    new EntityExistsError('User', ROW),
    new VersionConflictError('User', ROW, 1, 2),
    new VersionConflictError('User', ROW, 1, undefined),
    new ConditionNotMetError('User', ROW),
    new PartitionKeyChangedError('User', ROW),
    new SchemaMismatchError('User', 'name', ROW, 'a string'),
    new CrossPartitionError(PARTITION, 'User', ROW),
    new CrossPartitionError(PARTITION, 'User', undefined, 'A query'),
    new LockLostError(PARTITION, 'another holder has it'),
    new LockTimeoutError(PARTITION, 5),
  ])('is logged without its key: $name', (error) => {
    expect(error.message).toMatch(/User|partition/);
    expect(`${inspect(error)} ${JSON.stringify(error)} ${JSON.stringify({ ...error })}`).not.toContain(
      'ada@',
    );
    const { key, partition } = error as { key?: string; partition?: string };
    expect(partition ?? key).toBe(partition === undefined ? ROW : PARTITION);
  });
});
