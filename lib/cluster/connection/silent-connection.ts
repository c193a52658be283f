import { ReplyError } from '../common/errors.js';
import { delay } from '../common/timers.js';
import type { Ask, Reply } from '../protocol/reply.js';

/**
 * The shortest and the longest time between two checks of a silent connection, in ms. A node that has just
 * resumed replies within it.
 */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 500;

/** A connection with commands in flight, on which nothing arrives. */
export interface SilentConnection {
  /** The id that the server gave it; undefined if it gave none. */
  readonly clientId: number | undefined;
  /** Whether a caller waits for a reply without which the outcome of its command would be unknown. */
  readonly losesOutcome: boolean;
}

/** Sends a command to the node on a second connection. */
export type SecondConnection = Ask;

/** The fields of CLIENT LIST that change while bytes of a request arrive. */
const ARRIVALS = ['cmd', 'qbuf', 'argv-mem', 'multi', 'multi-mem', 'tot-net-in'];

/**
 * What the node reports about a connection:
 * - `gone`: the connection no longer exists
 * - `blocked`: the node delays the request (CLIENT PAUSE, a planned failover, a blocking command, a long
 * script)
 * - `open`: the connection exists, and the node is not executing anything for it
 * - `unknown`: the node does not report it, because CLIENT LIST is forbidden or unknown
 */
type ClientListState =
  | { readonly state: 'gone' | 'blocked' | 'unknown' }
  | { readonly state: 'open'; readonly idleS: number; readonly row: string };

/**
 * Finds out whether a silent connection is dead, by a second connection on which its node answers. The node is alive
 * then, and one question is left: does it hold the request back, or can the two ends no longer hear each other?
 *
 * | the node says of the connection                                  | result                                                        |
 * | ----------------------------------------------------------------- | ------------------------------------------------------------- |
 * | it has no such connection                                         | dead                                                          |
 * | blocked                                                           | wait                                                          |
 * | open, and nothing arrived for a second, twice in a row            | dead: the reply left long ago, or the request never arrived   |
 * | unknown                                                           | wait while an outcome would be lost, else dead                |
 *
 * @returns false once the connection is not silent any more
 */
export async function isDead(
  silent: SilentConnection,
  ask: SecondConnection,
  isStillSilent: () => boolean,
): Promise<boolean> {
  let rowBefore = '';
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 1.5)) {
    await delay(pause);
    if (!isStillSilent()) return false;
    const found = await inspectClient(silent, ask);
    if (!isStillSilent()) return false;
    if (found.state === 'gone') return true;
    if (found.state === 'unknown' && !silent.losesOutcome) return true;
    const { row } = { row: '', ...found };
    if (found.state === 'open' && found.idleS >= 1 && row === rowBefore) return true;
    rowBefore = row;
  }
}

/**
 * Makes the node end a connection that was given up. Requests in transit there are then not executed after
 * those that are sent again on another connection.
 */
export async function endAtServer({ clientId }: SilentConnection, ask: SecondConnection): Promise<void> {
  if (clientId === undefined) return;
  await ask('CLIENT', 'KILL', 'ID', String(clientId)).catch(() => {});
}

async function inspectClient(
  { clientId }: SilentConnection,
  ask: SecondConnection,
): Promise<ClientListState> {
  if (clientId === undefined) return { state: 'unknown' };
  let list: Reply;
  try {
    list = await ask('CLIENT', 'LIST', 'ID', String(clientId));
  } catch (error) {
    // BUSY: it runs a script of some client, and serves nothing else meanwhile
    if (error instanceof ReplyError) return { state: error.code === 'BUSY' ? 'blocked' : 'unknown' };
    throw error;
  }
  return readClientList(String(list), clientId);
}

/** https://redis.io/docs/latest/commands/client-list/ */
function readClientList(list: string, clientId: number): ClientListState {
  if (list.trim() === '') return { state: 'gone' };
  const fields = new Map(list.trim().split(' ').map(fieldOf));
  if (fields.get('id') !== String(clientId)) return { state: 'unknown' };
  if (fields.get('flags')?.includes('b')) return { state: 'blocked' };
  const row = ARRIVALS.map((name) => fields.get(name)).join(' ');
  return { state: 'open', idleS: Number(fields.get('idle')), row };
}

function fieldOf(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}
