import { Observable } from 'rxjs';
import type { KeyWalker } from '../keys/key-walker.js';
import type { OrderOptions } from './query-options.js';
import type { EntityFinder } from './entity-finder.js';
import { type EntityKey, entityKeyOfRow } from '../keys/entity-key.js';
import { checkWhole } from '../common/argument-checks.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import type { RowMapper } from '../rows/row-mapper.js';
import type { SelectOptions } from '../decorators/selected.js';
import type { RowContext } from '../rows/row-reader.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

interface StreamContext extends RowContext {
  readonly keys: KeyWalker;
}

/** Options of `stream` and `observe`. */
export interface StreamOptions<E = object> extends OrderOptions<E> {
  /** How many rows are read at once and held in memory: 100 by default, at most 1,000. */
  batchSize?: number | undefined;
  /** Ends the stream with the signal's reason, between two batches. */
  signal?: AbortSignal | undefined;
}

const BATCH = 100;
const LARGEST_BATCH = 1_000;

/** Yields the entities that a query finds, or all entities of the cluster. */
export async function* streamEntities<E extends object>(
  context: StreamContext,
  mapper: RowMapper,
  finder: EntityFinder<E>,
  where: object | undefined,
  options: StreamOptions<E> & SelectOptions<string>,
): AsyncGenerator<E, void, undefined> {
  checkEntityOptions('a stream of entities', options);
  const { batchSize = BATCH, signal } = options;
  checkWhole('batchSize', batchSize, 1, LARGEST_BATCH);
  if (where === undefined && (options.order !== undefined || options.scan !== undefined))
    throw new InvalidArgumentError(
      options.order === undefined ? 'scan' : 'order',
      'A stream of all rows has no order and filters nothing: pass a query as the first argument',
    );
  const batches =
    where !== undefined
      ? finder.batches(where, options, batchSize)
      : scanned(context, mapper, finder, batchSize);
  signal?.throwIfAborted();
  for await (const batch of batches) {
    signal?.throwIfAborted();
    yield* batch;
  }
}

/** Returns a stream as an Observable, which reads only while it is subscribed to. */
export function observeEntities<E>(stream: () => AsyncIterable<E>): Observable<E> {
  return new Observable((subscriber) => {
    const pass = async (): Promise<void> => {
      for await (const entity of stream()) {
        if (subscriber.closed) return;
        subscriber.next(entity);
      }
      subscriber.complete();
    };
    pass().catch((error: unknown) => subscriber.error(error));
  });
}

async function* scanned<E extends object>(
  context: StreamContext,
  { schema }: RowMapper,
  finder: EntityFinder<E>,
  size: number,
): AsyncGenerator<E[]> {
  const load = async (keys: readonly EntityKey[]): Promise<E[]> =>
    (await finder.rows(keys)).filter((entity) => entity !== null);
  let keys: EntityKey[] = [];
  for await (const row of context.keys.keys(`{${schema.partitionName}:*}:${schema.name}:*`, 'hash', ROW)) {
    const key = entityKeyOfRow(schema, row);
    if (key) keys.push(key);
    if (keys.length < size) continue;
    yield await load(keys);
    keys = [];
  }
  if (keys.length > 0) yield await load(keys);
}

const ROW = /^\{[^{}:~]+:[^{}:~]+\}:[^{}:~]+:[^{}:~]+$/;
