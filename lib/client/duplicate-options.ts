import { InvalidArgumentError } from '../cluster/common/errors.js';
import type { ClusterClientOptions } from './client-options.js';

/** The connection options of ioredis' `duplicate` that apply here; others are ignored. */
export interface DuplicateRedisOptions {
  connectionName?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
  keyPrefix?: string | undefined;
  db?: number | undefined;
  tls?: ClusterClientOptions['tls'] | undefined;
}

/** Options of a copy, with ioredis' `redisOptions`, in which callers of ioredis name their connections. */
export interface DuplicateOptions extends ClusterClientOptions {
  redisOptions?: DuplicateRedisOptions | undefined;
}

/**
 * Returns the options in which a copy differs, from either form of `duplicate`: `(overrides)`, or `(nodes,
 * overrides)` as in ioredis, where an empty list means the same nodes.
 * @throws InvalidArgumentError if `redisOptions` is not an object
 */
export function duplicateOptions(
  first: ClusterClientOptions['nodes'] | DuplicateOptions = {},
  second: DuplicateOptions = {},
): ClusterClientOptions {
  if (!Array.isArray(first)) return ours({ ...(first as DuplicateOptions), ...second });
  const overrides = ours(second);
  return first.length === 0 ? overrides : { ...overrides, nodes: first as ClusterClientOptions['nodes'] };
}

function ours({ redisOptions, ...overrides }: DuplicateOptions): ClusterClientOptions {
  if (redisOptions === undefined) return overrides;
  if (typeof redisOptions !== 'object' || redisOptions === null) {
    throw new InvalidArgumentError('redisOptions', 'Option redisOptions is an object');
  }
  const { connectionName, username, password, keyPrefix, db, tls } = redisOptions;
  const translated = { clientName: connectionName, username, password, keyPrefix, database: db, tls };
  const given = Object.fromEntries(Object.entries(translated).filter(([, value]) => value !== undefined));
  return { ...given, ...overrides };
}
