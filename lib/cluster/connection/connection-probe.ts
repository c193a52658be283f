import { ConnectionError } from '../common/errors.js';
import type { Connection } from './connection.js';
import { askInTime, isUnreachable } from './establish-connection.js';
import { endAtServer, isDead } from './silent-connection.js';

/** What a probe needs from the channel whose connection is silent. */
export interface ProbedChannel {
  readonly name: string;
  /** How long a reply on the second connection may take, in ms. */
  readonly timeoutMs: number;
  /** Opens a second connection to the node. */
  open(): Promise<Connection>;
  /** Whether the silent connection is still in use and still silent. */
  isStillSilent(): boolean;
}

/**
 * Examines a silent node through a second connection. If that cannot be opened, the silent connection is ended.
 * If the node replies on it, the node is alive and reports what it knows about the silent connection; see
 * `isDead`. A node that accepts a connection without replying may be frozen or just busy: only the other nodes
 * know.
 * @returns the second connection, if it should replace the silent one
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
  // a second connection that is silent too, or ends, proves nothing; the next one may
  const dead = await isDead(silent, ask, () => channel.isStillSilent()).catch(() => false);
  if (dead) await endAtServer(silent, ask);
  if (dead && channel.isStillSilent() && second.failure === undefined) return second;
  second.destroy(new ConnectionError(channel.name, 'no longer needed'));
  return undefined;
}
