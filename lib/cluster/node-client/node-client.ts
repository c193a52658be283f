import { isIP } from 'node:net';
import { inspect } from 'node:util';
import type { Redis, RedisOptions } from 'ioredis';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { Credentials } from '../options/credentials.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';
import { inProcessConnector } from './in-process-connector.js';
import { newRedis } from './new-redis.js';

/**
 * Creates an ioredis client for one node, for calls that need a connection of their own: blocking commands,
 * WATCH. It is not connected and has no handshake yet. It never reconnects by itself, as the caller knows
 * better where to go next. The caller ends it, and listens to its `error` event.
 */
export function createNodeClient(
  node: NodeAddress,
  options: ResolvedClusterOptions,
  { username, password }: Partial<Credentials> = {},
): Redis {
  // RESP2 has no other types
  const types = options.replyMapping === 'resp3' ? ({ protocol: 3, replyMapping: 'resp3' } as const) : {};
  const given = { ...nodeClientOptions(node, options), ...types, username, password };
  return hideOptions(newRedis({ ...given, connectionName: undefined }));
}

/** Returns the options of every ioredis client of a node, without credentials. */
export function nodeClientOptions(
  { host, port }: NodeAddress,
  options: ResolvedClusterOptions,
): RedisOptions {
  return {
    host,
    port,
    ...inProcessConnector(host),
    tls: options.tls && { servername: isIP(host) === 0 ? host : undefined, ...options.tls },
    connectionName: options.clientName,
    connectTimeout: options.connectTimeoutMs,
    keepAlive: options.keepAliveMs,
    protocol: 2,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    disableClientInfo: true, // servers accept it since 7.2, from users who may send it
  };
}

/** Hides the options of an ioredis client, which hold the password, from printing. The node is shown instead. */
export function hideOptions(redis: Redis): Redis {
  const shown = `Redis { node: '${nodeName(redis.options as NodeAddress)}' }`;
  for (const method of [inspect.custom, 'toJSON'])
    Object.defineProperty(redis, method, { value: () => shown });
  return redis;
}
