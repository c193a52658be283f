import { checkSignal } from '../../cluster/command/abort-signal.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';

const BULK = ['deadlineMs', 'signal', 'durability'];
const WRITE = [...BULK, 'opId'];

const ORDER = ['order', 'scan'];
const FOLLOW = [
  ...['classes', 'from', 'concurrency', 'pollMs', 'leaseMs'],
  ...['retry', 'deadLetter', 'maxDeadLetters', 'gaps', 'onError'],
];

/** The names of the options of each kind of call. An option that is undefined counts as left out. */
export const ENTITY_OPTIONS = {
  'a write': WRITE,
  'a write of many rows': BULK,
  'an update': [...WRITE, 'ifVersion', 'where'],
  'a read by key': ['with', 'select', 'withDeleted', 'cache'],
  'findBy()': [...ORDER, 'limit', 'offset', 'select'],
  'findOneBy()': [...ORDER, 'select'],
  'findPage()': [...ORDER, 'limit', 'cursor', 'total', 'select'],
  'countBy()': ['scan'],
  'tx.find()': ORDER,
  'a stream of entities': [...ORDER, 'batchSize', 'signal', 'select'],
  'changes()': ['from', 'pollMs', 'classes'],
  'changes() of a partition': ['from', 'pollMs'],
  'partition.delete()': ['batch', 'onProgress', 'signal'],
  'partition.size()': ['sample'],
  'partition.export()': ['signal'],
  'partition.import()': ['anotherKey', 'signal'],
  'follow()': FOLLOW,
  'retry of follow()': ['attempts', 'delayMs', 'maxDelayMs'],
  'close() of a follower': ['timeoutMs'],
  'a transaction': [...BULK, 'attempts'],
  'a lock': ['name', 'ttlMs', 'waitMs', 'signal'],
  'findDeleted()': ['limit', 'cursor'],
  'purgeDeleted()': ['olderThan', 'partition', 'limit', 'signal'],
  'sweepExpired()': ['partition', 'limit', 'signal'],
  'sweepGlobals()': ['limit', 'signal'],
  'verifyIndexes()': ['partition', 'signal'],
  'reindex()': ['partition', 'signal', 'cursor'],
  'migrate()': ['batch', 'onProgress', 'cursor', 'signal'],
  'rank()': ['reverse'],
  'range() of a sorted set': ['from', 'to', 'reverse'],
  'rangeByScore()': ['min', 'max', 'reverse', 'offset', 'limit'],
  'a range of scores': ['min', 'max'],
  'append()': ['maxLength'],
  'range() of a stream': ['from', 'to', 'reverse', 'limit'],
  'read()': ['after', 'limit'],
} as const;

/**
 * Rejects unknown options, because a misspelled one would be ignored, and a signal that is none.
 *
 * @throws InvalidArgumentError that names the option.
 */
export function checkEntityOptions(call: keyof typeof ENTITY_OPTIONS, options: unknown): void {
  if (options === undefined) return;
  checkOptionNames(call, options, ENTITY_OPTIONS[call]);
  const { signal } = options as { signal?: unknown };
  if (signal !== undefined) checkSignal(signal);
}
