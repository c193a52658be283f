import { InvalidArgumentError } from '../cluster/common/errors.js';
import type { ClusterClientOptions } from './client-options.js';

/** What ioredis' `duplicate` takes for the connections of a copy; what is not named here has no meaning for us. */
export interface DuplicateRedisOptions {
  connectionName?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
  keyPrefix?: string | undefined;
  tls?: ClusterClientOptions['tls'] | undefined;
}

/** Options of a copy: ours, and ioredis' `redisOptions`, in which callers of ioredis name their connections. */
export interface DuplicateOptions extends ClusterClientOptions {
  redisOptions?: DuplicateRedisOptions | undefined;
}

/**
 * The options in which a copy differs, from either form of `duplicate`: ours, `(overrides)`, or ioredis',
 * `(nodes, overrides)` where no nodes mean the same ones.
 * @throws InvalidArgumentError
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
  const { connectionName, username, password, keyPrefix, tls } = redisOptions;
  const translated = { clientName: connectionName, username, password, keyPrefix, tls };
  const given = Object.fromEntries(Object.entries(translated).filter(([, value]) => value !== undefined));
  return { ...given, ...overrides };
}
