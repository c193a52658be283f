import { ReplyError } from '../common/errors.js';
import type { Reply } from '../protocol/reply.js';
import { delay } from '../common/timers.js';

/** Time between two looks at a silent connection, in ms: what a node that has just woken up answers arrives in it. */
const LOOK_MS = 100;
const LONGEST_LOOK_MS = 500;

/** A connection that owes replies and says nothing. */
export interface SilentConnection {
  /** What the server calls it; undefined where it has not said. */
  readonly clientId: number | undefined;
  /** Some caller waits for a reply that it owes, and would not know what happened if that were lost. */
  readonly atStake: boolean;
}

/** What changes in the list of clients while bytes of a request come in. */
const ARRIVALS = ['cmd', 'qbuf', 'argv-mem', 'multi', 'multi-mem', 'tot-net-in'];

/** Asks the node on a second connection. */
export type Witness = (name: string, ...args: string[]) => Promise<Reply>;

/**
 * What the node itself says of a connection:
 * - `gone`: it has no such connection any more
 * - `blocked`: it holds our request back (CLIENT PAUSE, a failover by hand, a command that blocks, a long script)
 * - `open`: it is there, and the node is not executing anything for it
 * - `untold`: it does not say, as CLIENT LIST is not allowed or not known
 */
type Sight =
  | { readonly state: 'gone' | 'blocked' | 'untold' }
  | { readonly state: 'open'; readonly idleS: number; readonly row: string };

/**
 * Tells whether a silent connection is dead, by a second connection on which its node answers. The node is alive then,
 * and one question is left: does it hold our request back, or do the two ends not hear each other any more?
 *
 * | the node says of the connection                          | it is                                             |
 * | -------------------------------------------------------- | ------------------------------------------------- |
 * | it has no such                                           | dead                                              |
 * | blocked                                                  | waited for                                        |
 * | open, and nothing came in for a second, two looks in a row | dead: the reply has left long ago, or the request never came |
 * | nothing, as we may not ask                               | waited for while it owes a reply that must not be lost, dead then |
 *
 * @returns false once it is not silent any more
 */
export async function isDead(
  silent: SilentConnection,
  witness: Witness,
  isStillSilent: () => boolean,
): Promise<boolean> {
  let before = '';
  for (let pause = LOOK_MS; ; pause = Math.min(LONGEST_LOOK_MS, pause * 1.5)) {
    await delay(pause);
    if (!isStillSilent()) return false;
    const sight = await look(silent, witness);
    if (!isStillSilent()) return false;
    if (sight.state === 'gone') return true;
    if (sight.state === 'untold' && !silent.atStake) return true;
    const { row } = { row: '', ...sight };
    if (sight.state === 'open' && sight.idleS >= 1 && row === before) return true;
    before = row;
  }
}

/**
 * Has the node end a connection that is given up, so that nothing which still travels on it is executed after what is
 * sent again on another.
 */
export async function endAtServer({ clientId }: SilentConnection, witness: Witness): Promise<void> {
  if (clientId === undefined) return;
  await witness('CLIENT', 'KILL', 'ID', String(clientId)).catch(() => {});
}

async function look({ clientId }: SilentConnection, witness: Witness): Promise<Sight> {
  if (clientId === undefined) return { state: 'untold' };
  let list: Reply;
  try {
    list = await witness('CLIENT', 'LIST', 'ID', String(clientId));
  } catch (error) {
    // it executes a script, ours or another's, and answers nothing else meanwhile
    if (error instanceof ReplyError) return { state: error.code === 'BUSY' ? 'blocked' : 'untold' };
    throw error;
  }
  return sightOf(String(list), clientId);
}

/** https://redis.io/docs/latest/commands/client-list/ */
function sightOf(list: string, clientId: number): Sight {
  if (list.trim() === '') return { state: 'gone' };
  const fields = new Map(list.trim().split(' ').map(fieldOf));
  if (fields.get('id') !== String(clientId)) return { state: 'untold' };
  if (fields.get('flags')?.includes('b')) return { state: 'blocked' };
  const row = ARRIVALS.map((name) => fields.get(name)).join(' ');
  return { state: 'open', idleS: Number(fields.get('idle')), row };
}

function fieldOf(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}
