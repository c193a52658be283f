import { checkList } from './argument-checks.js';
import { type CommitFault, faultError } from './commit-faults.js';
import type { Committed } from './commit-outcome.js';
import type { EntityContext } from './entity-context.js';
import { checkEntityOptions } from './entity-option-names.js';
import type { EntityKey } from './entity-key.js';
import { runHooks } from './lifecycle-hooks.js';
import type { RowMapper } from './row-mapper.js';
import type { RowOperation } from './row-operation.js';
import type { BulkWriteOptions } from './write-options.js';

/** What became of one item of many; each is atomic by itself. */
export type ItemResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Error };

/** An item that is to be written; without an operation it is as it should be already. */
interface Item<T> {
  readonly operation?: RowOperation;
  /** Gives the item's value once the row is at a version, undefined where there was none. */
  done(version?: number): T | Promise<T>;
}

/** Saves entities, in one batch a node. */
export async function saveMany<E extends object>(
  context: EntityContext,
  mapper: RowMapper,
  entities: readonly E[],
  options?: BulkWriteOptions,
): Promise<ItemResult<E>[]> {
  checkList('entities', entities);
  const once = [...new Set(entities)];
  const plan = async (entity: E): Promise<Item<E>> => {
    const write = await context.planner.prepare('save', mapper, entity);
    const done = async (version?: number): Promise<E> => {
      write?.done(version ?? 0);
      if (write) await runHooks(mapper.schema, `after ${write.event}`, entity);
      return entity;
    };
    return { operation: write?.operation, done };
  };
  const results = await writeMany(context, once, plan, options);
  const resultOf = new Map(once.map((entity, i) => [entity, results[i]]));
  return entities.map((entity) => resultOf.get(entity)!);
}

/** Deletes rows, in one batch a node. */
export function deleteMany<Key>(
  context: EntityContext,
  mapper: RowMapper,
  keys: readonly Key[],
  place: (key: Key) => EntityKey,
  options?: BulkWriteOptions,
): Promise<ItemResult<{ deleted: boolean }>[]> {
  const plan = (key: Key): Item<{ deleted: boolean }> => ({
    operation: context.planner.delete(mapper, place(key)),
    done: (version) => ({ deleted: version !== undefined }),
  });
  return writeMany(context, keys, plan, options);
}

async function writeMany<Given, T>(
  { committer }: EntityContext,
  given: readonly Given[],
  plan: (one: Given) => Item<T> | Promise<Item<T>>,
  options?: BulkWriteOptions,
): Promise<ItemResult<T>[]> {
  checkList('keys', given);
  checkEntityOptions('a write of many rows', options);
  const items = await Promise.all(given.map((one) => attempted(async () => plan(one))));
  const operations = items.flatMap((item) => (item instanceof Error ? [] : (item.operation ?? [])));
  const outcomes = await committer.attemptMany(operations, options);
  const outcomeOf = new Map(operations.map((operation, i) => [operation, outcomes[i]]));
  return Promise.all(
    items.map((item) => {
      if (item instanceof Error) return { ok: false, error: item } as const;
      return itemResult(item.operation ? outcomeOf.get(item.operation)! : { versions: [] }, item);
    }),
  );
}

async function itemResult<T>(
  outcome: Committed | CommitFault | Error,
  { done }: Item<T>,
): Promise<ItemResult<T>> {
  if (outcome instanceof Error) return { ok: false, error: outcome };
  if (outcome.fault) return { ok: false, error: faultError(outcome) };
  const value = await attempted(async () => done(outcome.versions[0]));
  const error = value instanceof Error ? value : outcome.unconfirmed;
  return error ? { ok: false, error } : { ok: true, value: value as T };
}

async function attempted<T>(make: () => Promise<T>): Promise<T | Error> {
  try {
    return await make();
  } catch (error) {
    return error as Error;
  }
}
