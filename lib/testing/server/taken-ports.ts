import { connect } from 'node:net';
import { clearTimeout, delay, monotonicMs, setTimeout } from '../../cluster/common/timers.js';
import { LocalClusterError } from '../common/local-cluster-error.js';
import { BUS_PORT_OFFSET } from '../common/local-cluster-options.js';
import { canBind } from './free-ports.js';

const ANSWER_MS = 500;
const MOST_NAMED = 6;
/** Longer than servers have to end when their process was killed. */
const ENDING_MS = 10_000;
const POLL_MS = 50;

/** What a program says to `PING` and `INFO`, and what that makes it. The first match counts. */
const PROGRAMS: readonly (readonly [answer: RegExp, program: (match: RegExpExecArray) => string])[] = [
  [
    /^\+PONG[^]*redis_mode:(\w+)/,
    ([text, mode]) => `${serverOf(text)}${mode === 'cluster' ? ', a node of a cluster' : ''}`,
  ],
  [/^\+PONG/, () => 'a Redis server'],
  [/^-(NOAUTH|NOPERM|DENIED|ERR)/, () => 'a Redis server with a password'],
  [/^HTTP\/[^]*^server: ([\w .-]{1,40})/im, ([, server]) => `a web server, ${server.trim()}`],
  [/^HTTP\//, () => 'a web server'],
  [/^$/, () => 'a program that does not answer'],
  [/^/, () => 'a program that is not Redis'],
];

/** Waits a while for servers that are ending to free their ports. */
export async function waitForPorts(host: string, ports: readonly number[]): Promise<void> {
  const end = monotonicMs() + ENDING_MS;
  while (monotonicMs() < end) {
    const free = await Promise.all(busesToo(ports).map((port) => canBind(host, port)));
    if (!free.includes(false)) return;
    await delay(POLL_MS);
  }
}

/**
 * Rejects ports that are taken, or whose bus ports are, and says by what.
 * @throws LocalClusterError `PORT_TAKEN`
 */
export async function refuseTakenPorts(host: string, ports: readonly number[]): Promise<void> {
  const needed = busesToo(ports);
  const free = await Promise.all(needed.map((port) => canBind(host, port)));
  const taken = needed.filter((_, i) => !free[i]);
  if (taken.length === 0) return;
  const named = taken.slice(0, MOST_NAMED);
  const users = await Promise.all(named.map(async (port) => `${port} by ${await userOf(host, port)}`));
  const more = taken.length > named.length ? `, and ${taken.length - named.length} more` : '';
  throw new LocalClusterError(
    'PORT_TAKEN',
    `${taken.length === 1 ? 'A port is' : 'Ports are'} taken: ${users.join(', ')}${more}. ` +
      `The cluster needs ${rangeOf(ports)}, and ${rangeOf(ports.map((port) => port + BUS_PORT_OFFSET))} for its bus; ` +
      'end what has them, or choose another port',
  );
}

const busesToo = (ports: readonly number[]): number[] =>
  ports.flatMap((port) => [port, port + BUS_PORT_OFFSET]);

function rangeOf(ports: readonly number[]): string {
  return ports.length === 1 ? `port ${ports[0]}` : `ports ${Math.min(...ports)} to ${Math.max(...ports)}`;
}

async function userOf(host: string, port: number): Promise<string> {
  const answer = await answerAt(host, port);
  if (answer === undefined) return 'a program that does not accept connections';
  for (const [pattern, program] of PROGRAMS) {
    const match = pattern.exec(answer);
    if (match !== null) return program(match);
  }
  return 'a program';
}

/** Returns what is said at the port; undefined if nobody accepts the connection. */
function answerAt(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer: string | undefined;
    const socket = connect({ host, port });
    const timer = setTimeout(() => end(), ANSWER_MS);
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.setEncoding('utf8');
    socket.once('connect', () => {
      answer = '';
      socket.write('PING\r\nINFO server\r\n');
    });
    socket.on('data', (text: string) => {
      answer = (answer ?? '') + text;
      if (answer.length > 65_536) end();
    });
    socket.once('error', end);
    socket.once('close', end);
  });
}

function serverOf(text: string): string {
  const valkey = /^valkey_version:(\S+)/m.exec(text);
  return valkey === null
    ? `Redis ${/^redis_version:(\S+)/m.exec(text)?.[1] ?? ''}`.trim()
    : `Valkey ${valkey[1]}`;
}
