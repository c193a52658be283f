import { LoopTimer } from '../common/loop-timer.js';
import type { Redis } from 'ioredis';
import { prepareConnection } from '../options/connection-hook.js';
import type { CallLimit } from '../command/call-limit.js';
import { ClusterError, ConnectionError } from '../common/errors.js';
import { handshake } from '../connection/handshake.js';
import { throwAsOurs } from './leased-command.js';
import { createNodeClient } from '../node-client/node-client.js';
import { verifyIdentity } from '../topology/node-identity.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { redactReply } from '../diagnostics/redact-reply.js';
import type { Ask, Reply } from '../protocol/reply.js';
import type { ClusterNode } from '../topology/topology.js';
import { within } from '../common/within.js';

/** A connection that one caller has exclusively while it is leased. */
export interface LeasedConnection {
  readonly redis: Redis;
  /** The server's id of the connection; undefined if the server does not report it. */
  readonly clientId: number | undefined;
}

/**
 * Opens a connection to a node: performs the handshake, and verifies that it leads to that node.
 * @param made receives the connection before anything is awaited
 * @throws ConnectionError, AuthenticationError, TopologyError, ConnectionHookError; the error of the limit
 */
export async function openLeased(
  node: ClusterNode,
  options: ResolvedClusterOptions,
  limit: CallLimit,
  made: (redis: Redis) => void,
): Promise<LeasedConnection> {
  // in RESP3, ioredis sends its own HELLO first
  const early = options.replyMapping === 'resp3' ? await limit.wait(options.credentials()) : undefined;
  const redis = createNodeClient(node, options, early);
  let reason = 'cannot be reached';
  let hasReply = false;
  redis.on('error', ({ message }: Error) => {
    if (!hasReply) reason = message;
  });
  made(redis);
  const ended = new Promise<never>((_, reject) => {
    redis.once('end', () => reject(new ConnectionError(node.name, reason)));
  });
  // it may end later, when nothing awaits it
  ended.catch(() => {});
  const guard = new LoopTimer(options.connectTimeoutMs, () => {
    reason = `no answer within ${options.connectTimeoutMs} ms`;
    endNow(redis);
  });
  const ask: Ask = (name, ...args) =>
    (redis.call(name, args) as Promise<Reply>).catch((error: Error) => {
      // the reply of a server that accepts no more clients says more than the socket's error
      hasReply ||= error.name === 'ReplyError';
      if (error.name === 'ReplyError') reason = redactReply(error.message);
      return throwAsOurs(error);
    });
  try {
    const clientId = await limit.wait(Promise.race([greet(redis, ask, node, options), ended]));
    if (redis.status !== 'ready') throw new ConnectionError(node.name, reason);
    return { redis, clientId };
  } catch (error) {
    endNow(redis);
    if (limit.over && !limit.signal?.aborted) throw new ConnectionError(node.name, 'no answer in time');
    throw error instanceof ClusterError ? error : new ConnectionError(node.name, reason);
  } finally {
    guard.cancel();
  }
}

async function greet(
  redis: Redis,
  ask: Ask,
  node: ClusterNode,
  options: ResolvedClusterOptions,
): Promise<number | undefined> {
  const { clientName, addressRemap } = options;
  // queued in the client and sent as soon as it is connected: the server's first words are its reply
  const greeted = handshake(ask, {
    ...options,
    protocol: options.replyMapping === 'resp3' ? 3 : 2,
    // so that counting clients by name counts each client once per node
    clientName: clientName && `leased:${clientName}`,
  });
  await Promise.all([redis.connect(), greeted]);
  const { clientId, identity } = await greeted;
  await verifyIdentity(ask, identity, node, addressRemap);
  await prepareConnection(options, node, 'leased', ask);
  return clientId;
}

/** Whether a connection replies within some ms. One that has died unnoticed does not. */
export function isAlive({ redis }: LeasedConnection, ms: number): Promise<boolean> {
  // an error of the server is a reply, too
  const answer = redis.ping().then(
    () => true,
    (error: Error) => error.name === 'ReplyError',
  );
  return within(ms, answer, () => false);
}

/** Whether a write can be sent now. ioredis notices only later that its socket was destroyed. */
export function isOpen(redis: Redis): boolean {
  return redis.status === 'ready' && !redis.stream.destroyed;
}

/** Ends a connection at once. ioredis would wait 2 s for the other side, even if the socket has closed already. */
export function endNow(redis: Redis): void {
  if (redis.stream === undefined) redis.disconnect();
  else redis.stream.destroy();
}
