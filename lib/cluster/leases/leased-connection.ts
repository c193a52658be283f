import { LoopTimer } from '../common/loop-timer.js';
import type { Redis } from 'ioredis';
import { runConnectionHook } from '../options/connection-hook.js';
import type { CallLimit } from '../command/call-limit.js';
import { ClusterError, ConnectionError } from '../common/errors.js';
import { handshake } from '../connection/handshake.js';
import { throwAsOurs } from './leased-command.js';
import { createNodeClient } from '../node-client/node-client.js';
import { verifyIdentity } from '../topology/node-identity.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { redactReply } from '../protocol/redact-reply.js';
import type { Ask, Reply } from '../protocol/reply.js';
import type { ClusterNode } from '../topology/topology.js';
import { within } from '../common/within.js';

/** A connection that is one caller's alone while it is leased. */
export interface LeasedConnection {
  readonly redis: Redis;
  /** What the server calls it; undefined where it does not say. */
  readonly clientId: number | undefined;
}

/**
 * Makes a connection to a node: it has shaken hands, and leads to that node and no other.
 * @param made is given the connection before anything is waited for
 * @throws ConnectionError, AuthenticationError, TopologyError, ConnectionHookError; what the limit ends it with
 */
export async function openLeased(
  node: ClusterNode,
  options: ResolvedClusterOptions,
  limit: CallLimit,
  made: (redis: Redis) => void,
): Promise<LeasedConnection> {
  // ioredis greets a server in RESP3 by itself, and first
  const early = options.replyMapping === 'resp3' ? await limit.wait(options.credentials()) : undefined;
  const redis = createNodeClient(node, options, early);
  let reason = 'cannot be reached';
  let isTold = false;
  redis.on('error', ({ message }: Error) => {
    if (!isTold) reason = message;
  });
  made(redis);
  const ended = new Promise<never>((_, reject) => {
    redis.once('end', () => reject(new ConnectionError(node.name, reason)));
  });
  // nobody may be waiting when it ends later
  ended.catch(() => {});
  const guard = new LoopTimer(options.connectTimeoutMs, () => {
    reason = `no answer within ${options.connectTimeoutMs} ms`;
    endNow(redis);
  });
  const ask: Ask = (name, ...args) =>
    (redis.call(name, args) as Promise<Reply>).catch((error: Error) => {
      // the last words of a server that takes no more clients say more than the socket's
      isTold ||= error.name === 'ReplyError';
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
  const { onConnect, clientName, addressRemap } = options;
  // waits in the client, and leaves at once when it is connected: what a server says first is its answer
  const greeted = handshake(ask, {
    ...options,
    protocol: options.replyMapping === 'resp3' ? 3 : 2,
    // whoever counts clients by their name counts each of ours once a node
    clientName: clientName && `leased:${clientName}`,
  });
  await Promise.all([redis.connect(), greeted]);
  const { clientId, identity } = await greeted;
  await verifyIdentity(ask, identity, node, addressRemap);
  if (onConnect !== undefined) await runConnectionHook(onConnect, node, 'leased', ask);
  return clientId;
}

/** Whether a connection answers within some ms; one that may have died unseen does not. */
export function isAlive({ redis }: LeasedConnection, ms: number): Promise<boolean> {
  // an error of the server is a reply, too
  const answer = redis.ping().then(
    () => true,
    (error: Error) => error.name === 'ReplyError',
  );
  return within(ms, answer, () => false);
}

/** Whether what is written now can leave. ioredis notices only later that its socket was destroyed. */
export function isOpen(redis: Redis): boolean {
  return redis.status === 'ready' && !redis.stream.destroyed;
}

/** At once: ioredis' own way waits 2 s for the other side, even for a socket that is closed already. */
export function endNow(redis: Redis): void {
  if (redis.stream === undefined) redis.disconnect();
  else redis.stream.destroy();
}
