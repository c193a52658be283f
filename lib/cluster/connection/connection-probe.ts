import { ConnectionError } from '../common/errors.js';
import type { Connection } from './connection.js';
import { askInTime, isUnreachable } from './establish-connection.js';
import { endAtServer, isDead } from './silent-connection.js';

/** What a probe needs of the channel whose connection is silent. */
export interface ProbedChannel {
  readonly name: string;
  /** How long an answer on the second connection may take, in ms. */
  readonly timeoutMs: number;
  /** Opens a second connection to the node. */
  open(): Promise<Connection>;
  /** The silent connection is still in use, and still silent. */
  isStillSilent(): boolean;
}

/**
 * Finds out about a node that is silent, by a second connection. If that cannot be opened, the silent connection is
 * ended. If the node answers on it, the node is alive and says what it knows of the silent connection; see `isDead`.
 * A node that accepts a connection and does not answer on it may be frozen or merely busy: only the other nodes know.
 * @returns the second connection, if it is to replace the silent one
 */
export async function probeSilentConnection(
  silent: Connection,
  channel: ProbedChannel,
): Promise<Connection | undefined> {
  let second: Connection;
  try {
    second = await channel.open();
  } catch (error) {
    if (channel.isStillSilent() && isUnreachable(error)) silent.destroy(error as Error);
    return undefined;
  }
  const ask = askInTime(second, channel.name, channel.timeoutMs);
  // a second connection that falls silent itself, or ends, proves nothing; the next one may
  const dead = await isDead(silent, ask, () => channel.isStillSilent()).catch(() => false);
  if (dead) await endAtServer(silent, ask);
  if (dead && channel.isStillSilent() && second.failure === undefined) return second;
  second.destroy(new ConnectionError(channel.name, 'not needed any more'));
  return undefined;
}
