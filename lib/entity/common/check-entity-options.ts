import { checkOptionNames } from '../../cluster/common/check-option-names.js';

const BULK = ['deadlineMs', 'signal', 'durability'];
const WRITE = [...BULK, 'opId'];

/** The names of the options of each kind of call. */
const KNOWN = {
  'a write': WRITE,
  'a write of many rows': BULK,
  'an update': [...WRITE, 'ifVersion', 'where'],
  'findBy()': ['limit'],
  'findPage()': ['limit', 'cursor'],
  'a stream of entities': ['batchSize', 'signal'],
  'changes()': ['from', 'pollMs'],
  'a transaction': [...BULK, 'attempts'],
  'a lock': ['name', 'ttlMs', 'waitMs', 'signal'],
  'sweepExpired()': ['partition', 'limit', 'signal'],
  'sweepGlobals()': ['limit', 'signal'],
  'verifyIndexes()': ['partition', 'signal'],
  'reindex()': ['partition', 'signal', 'cursor'],
} as const;

/**
 * Rejects unknown options, because a misspelled one would be ignored.
 *
 * @throws InvalidArgumentError that names the option.
 */
export function checkEntityOptions(call: keyof typeof KNOWN, options: unknown): void {
  if (options !== undefined) checkOptionNames(call, options, KNOWN[call]);
}
