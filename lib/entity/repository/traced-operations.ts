import { entityChannel } from '../../cluster/diagnostics/channels.js';
import type { KeyslotEntityContext } from '../../cluster/diagnostics/contexts.js';
import { epochMs, traced } from '../../cluster/diagnostics/traced.js';
import { PARTS, type RepositoryParts } from './repository-parts.js';

/** The methods of repositories that have contexts, all of which return promises. */
const OPERATIONS = [
  ...['findOne', 'findOneOrFail', 'findMany', 'findBy', 'findOneBy', 'findPage', 'countBy', 'exists'],
  ...['save', 'insert', 'upsert', 'update', 'remove', 'delete', 'saveMany', 'deleteMany'],
  ...['increment', 'expire', 'persist', 'transaction', 'withLock', 'sweepExpired', 'sweepGlobals', 'migrate'],
  ...['softRemove', 'softDelete', 'restore', 'findDeleted', 'purgeDeleted'],
] as const;

/** Those whose first argument is a list. */
const BATCHES: ReadonlySet<string> = new Set(['findMany', 'saveMany', 'deleteMany']);

interface Repository {
  readonly [PARTS]: RepositoryParts;
}

type Method = (this: Repository, ...args: unknown[]) => Promise<unknown>;

/** Makes the methods of repositories publish their course on `keyslot:entity`. */
export function traceOperations(prototype: object): void {
  for (const operation of OPERATIONS) {
    const method = (prototype as Record<string, Method>)[operation];
    const value: Method = function (...args) {
      if (!entityChannel.hasSubscribers) return method.apply(this, args);
      const [list] = args;
      const context: KeyslotEntityContext = {
        clientName: undefined,
        startedAt: epochMs(),
        outcome: undefined,
        errorCode: undefined,
        error: undefined,
        entity: this[PARTS].mapper.schema.name,
        operation,
        batchSize: BATCHES.has(operation) && Array.isArray(list) ? list.length : undefined,
      };
      return traced(entityChannel, context, () => method.apply(this, args));
    };
    Object.defineProperty(value, 'name', { value: operation });
    Object.defineProperty(prototype, operation, { value, configurable: true, writable: true });
  }
}
