import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeValue } from '../../cluster/common/describe-value.js';
import type { EntityClient } from '../common/entity-client.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { FindOptions } from './find-options.js';

/** The views that read through the cache, by client and age. Callers that share one can share a read, too. */
const views = new WeakMap<EntityClient, Map<number, EntityClient>>();

/** The options of a read that concern the cache. */
type CacheOptions = Pick<FindOptions<string>, 'with' | 'cache'> & { readonly select?: unknown };

/** Returns whether a read asks for the cache. */
export const isCached = ({ cache }: CacheOptions): boolean => cache !== undefined && cache !== false;

/**
 * Returns the client for a read by key: the one that was given, or one that reads through its cache.
 *
 * @throws InvalidArgumentError if the class does not allow that, the client has no cache, or an option is invalid.
 */
export function clientFor(client: EntityClient, schema: EntitySchema, options: CacheOptions): EntityClient {
  if (!isCached(options)) return client;
  const { cache } = options;
  const refuse = (reason: string): never => {
    throw new InvalidArgumentError('cache', reason);
  };
  const maxAgeMs = cache === true ? Infinity : (cache as { maxAgeMs?: unknown } | null)?.maxAgeMs;
  if (typeof maxAgeMs !== 'number' || !(maxAgeMs >= 1))
    return refuse(
      `cache must be true, false or { maxAgeMs }, a number of milliseconds of at least 1, got ${describeValue(cache)}`,
    );
  if (schema.cachedForMs === undefined)
    return refuse(
      `Reads of ${schema.name} do not come from the cache. Declare it: @ClusterEntity({ name: '${schema.name}', cache: { maxAgeMs: 5000 } })`,
    );
  if (options.with !== undefined || options.select !== undefined)
    return refuse(
      'cache excludes with and select: whole rows are kept, without related ones. Leave one of them out',
    );
  if (client.throughCache === undefined) return refuse('cache needs a ClusterClient with the option cache');
  return viewOf(client, Math.min(maxAgeMs, schema.cachedForMs));
}

function viewOf(client: EntityClient, maxAgeMs: number): EntityClient {
  let byAge = views.get(client);
  if (byAge === undefined) views.set(client, (byAge = new Map()));
  let view = byAge.get(maxAgeMs);
  if (view === undefined) {
    view = (client.throughCache as (maxAgeMs: number) => EntityClient).call(client, maxAgeMs);
    byAge.set(maxAgeMs, view);
  }
  return view;
}
