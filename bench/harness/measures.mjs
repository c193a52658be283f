import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nodeCommand } from './node-command.mjs';
import { emptyList, workload } from './workload.mjs';

/**
 * @typedef {object} Context
 * @property {import('../clients.mjs').Session} session
 * @property {() => Promise<import('../clients.mjs').Session>} connect makes another client
 * @property {{ host: string, port: number }[]} nodes the primaries
 * @property {number} ms how long to measure
 */

/**
 * What one turn of a client gives: a figure, or where keys are counted, how many in what time, and the µs of CPU that the
 * client's process took for them.
 * @typedef {{ value: number } | { keys: number, seconds: number, micros: number }} Turn
 */

// as if Node.js had been started with --expose-gc, without anybody having to think of it
setFlagsFromString('--expose-gc');
/** Never before a rate is measured: it drops optimized code as well, which takes a while to come back. */
const collectGarbage = runInNewContext('gc');

const READERS = 500;
/** The server adds up to 0.1 s. Beyond 0.25 s in all, the GETs that wait behind the BLPOP fail in valkey-glide. */
const BLOCK_SECONDS = 0.1;
const MORE_CLIENTS = 5;
const IN_FLIGHT = 10_000;
const PAUSE_MS = 3_000;
const SENT_MS = 100;
/** Enough to open what a client opens on first use. */
const WARMING_GETS = 300;

/**
 * Keys read or written when so many callers call one after the other, `keysPerCall` keys each time.
 * @param {number} callers
 * @param {number} keysPerCall
 * @param {(session: import('../clients.mjs').Session, start: number) => Promise<unknown>} call `start` counts calls
 * @returns {(context: Context) => Promise<Turn>}
 */
export function rate(callers, keysPerCall, call) {
  return async ({ session, ms }) => {
    const clock = { running: true };
    let calls = 0;
    const caller = async () => {
      while (clock.running) await call(session, calls++);
    };
    const timer = setTimeout(() => (clock.running = false), ms);
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: callers }, caller));
    const seconds = (performance.now() - startedAt) / 1_000;
    const { user, system } = process.cpuUsage(cpuBefore);
    clearTimeout(timer);
    return { keys: calls * keysPerCall, seconds, micros: user + system };
  };
}

/** Median time in ms of 500 GETs called at once on one node. */
export async function latency({ session }) {
  const startedAt = performance.now();
  const times = [];
  const { keys } = workload.oneNode;
  await Promise.all(
    keys.slice(0, READERS).map((key) => session.get(key).then(() => times.push(performance.now()))),
  );
  return { value: times[READERS / 2] - startedAt };
}

/** The same while a BLPOP of the same client waits on that node. */
export async function latencyBesideBlocked(context) {
  const popped = context.session.blockingPop(emptyList, BLOCK_SECONDS);
  // so that a rejection while we look is not unhandled
  popped.catch(() => {});
  await untilBlocked(context.nodes);
  const sample = await latency(context);
  await popped;
  return sample;
}

/** Bytes of heap, Buffers included, that one more connected client takes. */
export async function heapPerClient({ connect }) {
  const before = heapBytes();
  const sessions = [];
  for (let i = 0; i < MORE_CLIENTS; i++) {
    const session = await connect();
    await Promise.all(workload.small.keys.slice(0, WARMING_GETS).map((key) => session.get(key)));
    sessions.push(session);
  }
  const value = (heapBytes() - before) / MORE_CLIENTS;
  await Promise.all(sessions.map((session) => session.close()));
  return { value };
}

/**
 * Bytes of heap, Buffers included, that a GET takes which was sent and is not answered: its promise included, but not
 * its key, nor what a caller who waits for the promise adds.
 */
export async function heapInFlight({ session, nodes }) {
  const { keys } = workload.small;
  const replies = new Array(IN_FLIGHT).fill(undefined);
  await Promise.all(nodes.map((node) => nodeCommand(node, `CLIENT PAUSE ${PAUSE_MS} ALL`)));
  const startedAt = performance.now();
  const before = heapBytes();
  for (let i = 0; i < IN_FLIGHT; i++) replies[i] = session.get(keys[i % keys.length]);
  await delay(SENT_MS);
  const value = (heapBytes() - before) / IN_FLIGHT;
  const late = performance.now() - startedAt > PAUSE_MS;
  await Promise.all(replies);
  if (late) throw new Error(`The machine is too busy: replies came before ${IN_FLIGHT} commands were sent`);
  return { value };
}

async function untilBlocked(nodes) {
  const giveUpAt = performance.now() + BLOCK_SECONDS * 1_000;
  while (performance.now() < giveUpAt) {
    const infos = await Promise.all(nodes.map((node) => nodeCommand(node, 'INFO clients')));
    if (infos.some((info) => !info.includes('blocked_clients:0'))) return;
  }
  throw new Error('BLPOP never blocked');
}

/** Bytes of heap in use, Buffers included. */
export function heapBytes() {
  // the second pass frees what finalizers of the first let go
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
