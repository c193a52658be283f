import { checkList } from '../common/argument-checks.js';
import { type CommitFault, faultError } from '../operations/commit-faults.js';
import type { Committed } from '../operations/commit-outcome.js';
import type { EntityContext } from './repository-parts.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { RowMapper } from '../rows/row-mapper.js';
import type { RowOperation } from '../operations/row-operation.js';
import type { BulkWriteOptions } from '../common/write-options.js';
import type { WriteEvent } from '../commit/write-planner.js';

/** The result of one item of a bulk write. Each item is atomic by itself. */
export type ItemResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Error };

/** An item to write; without an operation, nothing has changed. */
interface Item<T> {
  readonly operation?: RowOperation;
  /** Returns the item's value after the write. The version is undefined if there was no row. */
  done(version?: number): T;
}

/** A saved entity, and the event for its hooks. */
interface Saved<E> {
  readonly entity: E;
  readonly event?: WriteEvent;
}

/** Saves entities, in one batch per node. */
export async function saveMany<E extends object>(
  context: EntityContext,
  mapper: RowMapper,
  given: readonly E[],
  options?: BulkWriteOptions,
): Promise<ItemResult<E>[]> {
  checkList('entities', given);
  checkEntityOptions('a write of many rows', options);
  const { planner, entities } = context;
  const once = [...new Set(given)];
  const announcing = once.map((entity) => attempted(() => planner.announce('save', mapper, entity)));
  const refusals = await Promise.all(announcing);
  const refusalOf = new Map(once.map((entity, i) => [entity, refusals[i]]));
  const plan = (entity: E): Item<Saved<E>> => {
    const refusal = refusalOf.get(entity);
    if (refusal) throw refusal;
    const write = planner.plan('save', mapper, entity);
    const done = (version?: number): Saved<E> => {
      write?.done(version ?? 0);
      return { entity, event: write?.event };
    };
    return { operation: write?.operation, done };
  };
  // Hooks run outside the turn, because they may write the entities themselves.
  const written = await entities.inTurn(once.filter(isObject), async () =>
    writeMany(context, once, plan, options),
  );
  const results = await Promise.all(written.map((result) => withHooks(mapper, result)));
  const resultOf = new Map(once.map((entity, i) => [entity, results[i]]));
  return given.map((entity) => resultOf.get(entity)!);
}

async function withHooks<E extends object>(
  { schema }: RowMapper,
  { value, error }: Written<Saved<E>>,
): Promise<ItemResult<E>> {
  const { entity, event } = value ?? {};
  const failure = entity && event && (await attempted(() => schema.hooks.run(`after ${event}`, entity)));
  return itemResult({ value: entity, error: failure ?? error });
}

/** Deletes rows, in one batch per node. */
export async function deleteMany<Key>(
  context: EntityContext,
  mapper: RowMapper,
  keys: readonly Key[],
  place: (key: Key) => EntityKey,
  options?: BulkWriteOptions,
): Promise<ItemResult<{ deleted: boolean }>[]> {
  checkList('keys', keys);
  checkEntityOptions('a write of many rows', options);
  const plan = (key: Key): Item<{ deleted: boolean }> => ({
    operation: context.planner.delete(mapper, place(key)),
    done: (version) => ({ deleted: version !== undefined }),
  });
  return (await writeMany(context, keys, plan, options)).map(itemResult);
}

/** The outcome of one item: a value if it was written, an error if something failed, or both. */
interface Written<T> {
  readonly value?: T | undefined;
  readonly error?: Error | undefined;
}

async function writeMany<Given, T>(
  { committer }: EntityContext,
  given: readonly Given[],
  plan: (one: Given) => Item<T>,
  options?: BulkWriteOptions,
): Promise<Written<T>[]> {
  const items = given.map((one) => {
    try {
      return plan(one);
    } catch (error) {
      return error as Error;
    }
  });
  const operations = items.flatMap((item) => (item instanceof Error ? [] : (item.operation ?? [])));
  const outcomes = await committer.tryCommitMany(operations, options);
  const outcomeOf = new Map(operations.map((operation, i) => [operation, outcomes[i]]));
  return items.map((item) => {
    if (item instanceof Error) return { error: item };
    return writtenAs(item.operation ? outcomeOf.get(item.operation)! : { versions: [] }, item);
  });
}

function writtenAs<T>(outcome: Committed | CommitFault | Error, { done }: Item<T>): Written<T> {
  if (outcome instanceof Error) return { error: outcome };
  if (outcome.fault) return { error: faultError(outcome) };
  return { value: done(outcome.versions[0]), error: outcome.unconfirmed };
}

const itemResult = <T>({ value, error }: Written<T>): ItemResult<T> =>
  error ? { ok: false, error } : { ok: true, value: value as T };

const isObject = (given: unknown): boolean => typeof given === 'object' && given !== null;

/** Returns the error of a call, if it fails. */
async function attempted(make: () => Promise<void> | undefined): Promise<Error | undefined> {
  try {
    await make();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
