import { isIP } from 'node:net';
import { inspect } from 'node:util';
import { Redis, type RedisOptions } from 'ioredis';
import type { ResolvedClusterOptions } from './options.js';
import { nodeName, type NodeAddress } from './topology.js';

/**
 * An ioredis client for one node, for what needs a connection of its own: blocking commands, WATCH,
 * subscriptions. It has our credentials, TLS and name, is not connected yet, and never reconnects by itself:
 * whoever asked for it knows better where to go next. The caller ends it, and listens to its `error` event.
 */
export async function createNodeClient(
  node: NodeAddress,
  options: ResolvedClusterOptions,
  overrides: RedisOptions = {},
): Promise<Redis> {
  const credentials = await options.credentials();
  const redis = new Redis({
    host: node.host,
    port: node.port,
    username: credentials?.username,
    password: credentials?.password,
    tls: options.tls && { servername: isIP(node.host) === 0 ? node.host : undefined, ...options.tls },
    connectionName: options.clientName,
    connectTimeout: options.connectTimeoutMs,
    keepAlive: options.keepAliveMs,
    protocol: 2,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    ...overrides,
  });
  // its options hold the password; whoever prints what holds the client sees the node
  const shown = `Redis { node: '${nodeName(node)}' }`;
  for (const method of [inspect.custom, 'toJSON'])
    Object.defineProperty(redis, method, { value: () => shown });
  return redis;
}
