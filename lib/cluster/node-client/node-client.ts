import { isIP } from 'node:net';
import { inspect } from 'node:util';
import { Redis, type RedisOptions } from 'ioredis';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { Credentials } from '../options/credentials.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';

/**
 * An ioredis client for one node, for what needs a connection of its own: blocking commands,
 * WATCH. It is not connected yet, has yet to shake hands, and never reconnects by itself: whoever
 * asked for it knows better where to go next. The caller ends it, and listens to its `error` event.
 */
export function createNodeClient(
  node: NodeAddress,
  options: ResolvedClusterOptions,
  { username, password }: Partial<Credentials> = {},
): Redis {
  // in RESP2 there are no other types to be had
  const types = options.replyMapping === 'resp3' ? ({ protocol: 3, replyMapping: 'resp3' } as const) : {};
  const given = { ...nodeClientOptions(node, options), ...types, username, password };
  return hideOptions(new Redis({ ...given, connectionName: undefined }));
}

/** What each ioredis client of a node is made with; credentials apart. */
export function nodeClientOptions(
  { host, port }: NodeAddress,
  options: ResolvedClusterOptions,
): RedisOptions {
  return {
    host,
    port,
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
    disableClientInfo: true, // since 7.2 servers take it, from users who are allowed to
  };
}

/** Options of ioredis hold the password; whoever prints what holds the client sees the node. */
export function hideOptions(redis: Redis): Redis {
  const shown = `Redis { node: '${nodeName(redis.options as NodeAddress)}' }`;
  for (const method of [inspect.custom, 'toJSON'])
    Object.defineProperty(redis, method, { value: () => shown });
  return redis;
}
