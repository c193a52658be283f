import { ReplyError } from '../common/errors.js';
import type { Reply } from '../protocol/reply.js';
import type { Argument } from '../protocol/request-encoder.js';
import { CacheSession } from './cache-session.js';
import type { ClientCache } from './client-cache.js';
import type { PushOutcome } from './push-probe.js';

/** A new connection, on which no command of a caller was sent yet. */
interface NewConnection {
  /** The server's id of the connection; undefined if it does not speak RESP3. */
  readonly clientId: number | undefined;
  ask(name: string, args: readonly Argument[]): Promise<Reply>;
  probePushes(): Promise<PushOutcome>;
}

const NO_PUSHES: Readonly<Partial<Record<PushOutcome, string>>> = {
  dropped: 'something on the way to the node drops what the server pushes',
  none: 'the server does not speak RESP3',
};

/**
 * Makes the server report what changes: of the prefixes if there are any, else of the keys whose reads ask for it
 * (https://redis.io/commands/client-tracking/).
 * @returns undefined if it cannot, which is reported once
 * @throws ConnectionError
 */
export async function beginSession(
  connection: NewConnection,
  node: string,
  cache: ClientCache,
): Promise<CacheSession | undefined> {
  const refusal = await trackingOn(connection, cache);
  if (refusal !== undefined) {
    cache.report(node, refusal.reason, refusal.code);
    return undefined;
  }
  const session = new CacheSession(
    node,
    await fieldsExpire(connection),
    (name, args) => connection.ask(name, args),
    cache,
  );
  return session;
}

async function trackingOn(
  connection: NewConnection,
  { optsIn, options }: ClientCache,
): Promise<{ reason: string; code?: string } | undefined> {
  if (connection.clientId === undefined) return { reason: NO_PUSHES.none as string };
  const lost = NO_PUSHES[await connection.probePushes()];
  if (lost !== undefined) return { reason: lost };
  const mode: Argument[] = optsIn ? ['OPTIN'] : ['BCAST'];
  for (const prefix of options.prefixes) mode.push('PREFIX', Buffer.from(prefix, 'latin1'));
  try {
    await connection.ask('CLIENT', ['TRACKING', 'ON', ...mode]);
    return undefined;
  } catch (error) {
    if (error instanceof ReplyError)
      return { reason: 'the server refuses CLIENT TRACKING', code: error.code };
    throw error;
  }
}

/** Whether the server knows fields of hashes that expire. Assumed where the user may not ask. */
async function fieldsExpire(connection: NewConnection): Promise<boolean> {
  try {
    const rows = await connection.ask('COMMAND', ['INFO', 'hpexpire']);
    return !Array.isArray(rows) || rows[0] !== null;
  } catch (error) {
    if (error instanceof ReplyError) return true;
    throw error;
  }
}
