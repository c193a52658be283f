import { entityChannel } from '../../cluster/diagnostics/channels.js';
import type { KeyslotEntityContext } from '../../cluster/diagnostics/contexts.js';
import { epochMs, traced } from '../../cluster/diagnostics/traced.js';
import { tracedIteration } from '../../cluster/diagnostics/traced-iteration.js';

/** The methods that publish their course on `keyslot:entity`. No one of them calls another. */
export interface TracedMethods {
  /** Those that return promises. */
  readonly calls: readonly string[];
  /** Those that return async generators. */
  readonly iterations: readonly string[];
  /** Those of both whose entities are counted: the list that is the first argument, or what is yielded. */
  readonly batches: readonly string[];
}

/** The methods of repositories. */
export const REPOSITORY_METHODS: TracedMethods = {
  calls: [
    ...['findOne', 'findOneOrFail', 'findMany', 'findBy', 'findOneBy', 'findPage', 'countBy', 'exists'],
    ...['save', 'insert', 'upsert', 'update', 'remove', 'delete', 'saveMany', 'deleteMany'],
    ...['increment', 'expire', 'persist', 'transaction', 'withLock'],
    ...['sweepExpired', 'sweepGlobals', 'migrate'],
    ...['softRemove', 'softDelete', 'restore', 'findDeleted', 'purgeDeleted', 'changesCursor'],
  ],
  iterations: ['stream', 'verifyIndexes', 'reindex'],
  batches: ['findMany', 'saveMany', 'deleteMany', 'stream'],
};

/** The methods of partitions. */
export const PARTITION_METHODS: TracedMethods = {
  calls: ['loadAll', 'changesCursor', 'delete', 'size', 'import', 'transaction', 'withLock'],
  iterations: ['export'],
  batches: [],
};

type Call = (this: object, ...args: unknown[]) => Promise<unknown>;
type Iteration = (this: object, ...args: unknown[]) => AsyncGenerator<unknown, void, undefined>;

/** Makes methods publish their course. @param entityOf returns the name of the entity of an object with these methods */
export function traceOperations<T extends object>(
  prototype: T,
  { calls, iterations, batches }: TracedMethods,
  entityOf: (target: T) => string,
): void {
  const replace = (name: string, value: Call | Iteration): void => {
    Object.defineProperty(value, 'name', { value: name });
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  };
  for (const name of calls) {
    const method = Reflect.get(prototype, name) as Call;
    const isBatch = batches.includes(name);
    replace(name, function (this: object, ...args) {
      if (!entityChannel.hasSubscribers) return method.apply(this, args);
      const [list] = args;
      const size = isBatch && Array.isArray(list) ? list.length : undefined;
      return traceOperation(entityOf(this as T), name, () => method.apply(this, args), size);
    });
  }
  for (const name of iterations) {
    const method = Reflect.get(prototype, name) as Iteration;
    const isBatch = batches.includes(name);
    replace(name, function (this: object, ...args) {
      if (!entityChannel.hasSubscribers) return method.apply(this, args);
      return traceIteration(entityOf(this as T), name, () => method.apply(this, args), isBatch);
    });
  }
}

/** Runs an operation, and publishes its course on `keyslot:entity` if somebody listens. */
export function traceOperation<R>(
  entity: string,
  operation: string,
  run: () => Promise<R>,
  batchSize?: number,
): Promise<R> {
  if (!entityChannel.hasSubscribers) return run();
  return traced(entityChannel, contextOf(entity, operation, batchSize), run);
}

/** Iterates, and publishes the course on `keyslot:entity` if somebody listens. @param isBatch whether entities are yielded */
export function traceIteration<V>(
  entity: string,
  operation: string,
  iterate: () => AsyncGenerator<V, void, undefined>,
  isBatch: boolean,
): AsyncGenerator<V, void, undefined> {
  if (!entityChannel.hasSubscribers) return iterate();
  const begin = (): KeyslotEntityContext => contextOf(entity, operation, isBatch ? 0 : undefined);
  return tracedIteration(entityChannel, begin, iterate, (context) => {
    if (isBatch) context.batchSize!++;
  });
}

function contextOf(entity: string, operation: string, batchSize: number | undefined): KeyslotEntityContext {
  return {
    clientName: undefined,
    startedAt: epochMs(),
    outcome: undefined,
    errorCode: undefined,
    error: undefined,
    entity,
    operation,
    batchSize,
  };
}
