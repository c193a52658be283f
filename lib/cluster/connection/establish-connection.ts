import { beginSession } from '../caching/begin-session.js';
import type { ClientCache } from '../caching/client-cache.js';
import { LoopTimer } from '../common/loop-timer.js';
import { ConnectionError, TopologyError } from '../common/errors.js';
import { prepareConnection } from '../options/connection-hook.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { traceConnect } from '../diagnostics/trace-connect.js';
import type { Ask } from '../protocol/reply.js';
import { verifyIdentity } from '../topology/node-identity.js';
import { nodeName, type ClusterNode, type NodeAddress } from '../topology/topology.js';
import type { Connection } from './connection.js';
import { handshake } from './handshake.js';

/** The peer accepted the connection without replying: it may be frozen, or busy. */
class UnansweredError extends ConnectionError {}

/** Whether the connection was refused, leads nowhere, or leads to another node, as opposed to an unanswered one. */
export function isUnreachable(error: unknown): boolean {
  return isWrongNode(error) || (error instanceof ConnectionError && !(error instanceof UnansweredError));
}

/** Whether another node replies at the address. */
export function isWrongNode(error: unknown): boolean {
  return error instanceof TopologyError && error.code === 'WRONG_NODE';
}

/**
 * Waits until a new connection is open, has shaken hands, and is known to lead to the right node. Ends it if any of
 * that fails or takes longer than `connectTimeoutMs`.
 * @throws ConnectionError, AuthenticationError, TopologyError, ConnectionHookError
 */
export function establishConnection(
  connection: Connection,
  address: NodeAddress,
  options: ResolvedClusterOptions,
  known: () => ClusterNode | undefined,
  cache?: ClientCache | undefined,
): Promise<void> {
  return traceConnect('shared', options, address, () =>
    openConnection(connection, address, options, known, cache),
  );
}

async function openConnection(
  connection: Connection,
  address: NodeAddress,
  options: ResolvedClusterOptions,
  known: () => ClusterNode | undefined,
  cache: ClientCache | undefined,
): Promise<void> {
  const { connectTimeoutMs } = options;
  const name = nodeName(address);
  let accepted = false;
  const guard = new LoopTimer(connectTimeoutMs, () => {
    const missing = accepted ? 'no answer' : connection.reached ? 'no TLS handshake' : 'not connected';
    const hint = missing === 'no TLS handshake' ? ' (perhaps a port without TLS)' : '';
    const reason = `${missing} within ${connectTimeoutMs} ms${hint}`;
    connection.destroy(accepted ? new UnansweredError(name, reason) : new ConnectionError(name, reason));
  });
  try {
    await connection.connected();
    accepted = true;
    // credentials that never arrive must not delay the next attempt
    const greeted = greet(connection, address, options, known).then(() => track(connection, name, cache));
    await Promise.race([greeted, connection.ended()]);
  } catch (error) {
    connection.destroy(error as Error);
    throw connection.failure ?? error;
  } finally {
    guard.cancel();
  }
}

/** Makes the server report what changes, if the client has a cache. */
async function track(connection: Connection, name: string, cache: ClientCache | undefined): Promise<void> {
  if (cache !== undefined) connection.session = await beginSession(connection, name, cache);
}

/** Returns a function that sends a command on an open connection. Ends the connection if no reply arrives in time. */
export function askInTime(connection: Connection, name: string, timeoutMs: number): Ask {
  return (command, ...args) => {
    const guard = new LoopTimer(timeoutMs, () =>
      connection.destroy(new UnansweredError(name, `no answer within ${timeoutMs} ms`)),
    );
    return connection.ask(command, args).finally(() => guard.cancel());
  };
}

async function greet(
  connection: Connection,
  address: NodeAddress,
  options: ResolvedClusterOptions,
  knownNode: () => ClusterNode | undefined,
): Promise<void> {
  const ask: Ask = (name, ...args) => connection.ask(name, args);
  const { clientId, identity } = await handshake(ask, options);
  connection.clientId = clientId;
  const known = knownNode();
  await verifyIdentity(ask, identity, known, options.addressRemap);
  if (known === undefined) connection.identity = identity;
  await prepareConnection(options, address, 'shared', ask);
}
