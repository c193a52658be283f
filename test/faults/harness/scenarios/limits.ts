import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import {
  always,
  atLeast,
  commitsSucceed,
  entitiesWhole,
  gapsTold,
  noErrors,
  noneLost,
  onlyErrors,
  onlyInDoubt,
} from '../goals.js';
import type { Scenario } from '../scenario.js';
import { serverProgram } from '../server-programs.js';
import { trial, type Trial } from '../trial.js';
import { plainConnection } from '../truth.js';
import { primaryOf, sized } from './standing.js';

/** Callers of one shard, five calls at a time each, and two pipelines of twelve. */
const IN_FLIGHT_ON_A_SHARD = 6 * 5 + 24;
const REFUSALS = 100;

const configure = (cluster: LocalCluster, node: LocalNode, name: string, value: string): Promise<unknown> =>
  cluster.command(node, 'CONFIG', 'SET', name, value);

/** Waits until so many calls more have failed by this code. */
async function untilRefused({ load }: Trial, code: string): Promise<void> {
  const refused = (): number => load.errors.get(code) ?? 0;
  const goal = refused() + REFUSALS;
  for (const end = performance.now() + 30_000; refused() < goal && performance.now() < end;) await delay(20);
}

/** A figure of a node's INFO. */
async function infoOf(
  cluster: LocalCluster,
  node: LocalNode,
  section: string,
  name: string,
): Promise<number> {
  const info = String(await cluster.command(node, 'INFO', section));
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 30_000; performance.now() < end; await delay(50))
    if (await condition()) return;
  throw new Error('It did not come to pass');
}

/** Bytes of a node's append-only file. */
function appendedBytes({ dir }: LocalCluster, { port }: LocalNode): number {
  const folder = join(dir, String(port), 'appendonlydir');
  const increments = readdirSync(folder).filter((name) => name.endsWith('.incr.aof'));
  return Math.max(...increments.map((name) => statSync(join(folder, name)).size));
}

/** Limits the size of files that a server writes, as the user that runs it may. */
const limitFiles = ({ pid }: LocalNode, bytes: number | 'unlimited'): Promise<unknown> =>
  promisify(execFile)('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);

/** Servers that have not enough of something. */
export const limits: readonly Scenario[] = [
  {
    name: 'memory-full',
    title: 'a primary refuses writes for want of memory (maxmemory); each in turn in the full form',
    goals: [
      ...always,
      gapsTold,
      onlyErrors('OOM', 'EXECABORT'),
      noneLost,
      entitiesWhole,
      atLeast('calls refused', REFUSALS),
    ],
    play: (stage) =>
      trial(
        stage,
        async (running) => {
          const { cluster } = stage;
          for (let shard = 0; shard < sized(stage, 1, 3); shard++) {
            const node = await primaryOf(cluster, running.shards, shard);
            await configure(cluster, node, 'maxmemory', '1');
            await untilRefused(running, 'OOM');
            await delay(sized(stage, 0, 5_000));
            await configure(cluster, node, 'maxmemory', '0');
          }
          running.note('calls refused', running.load.errors.get('OOM') ?? 0);
        },
        { hallWorkers: { refusals: ['OOM', 'EXECABORT'] } },
      ),
  },
  {
    name: 'connections-full',
    title: 'a primary loses its connections and accepts no new one for a while (maxclients)',
    goals: [
      ...always,
      gapsTold,
      onlyInDoubt(IN_FLIGHT_ON_A_SHARD),
      noneLost,
      commitsSucceed,
      entitiesWhole,
      atLeast('connections refused', 1),
    ],
    play: (stage) =>
      trial(
        stage,
        async ({ shards, note }) => {
          const { cluster } = stage;
          const node = await primaryOf(cluster, shards, 0);
          const refused = (): Promise<number> => infoOf(cluster, node, 'stats', 'rejected_connections');
          const before = await refused();
          await configure(cluster, node, 'maxclients', '1');
          for (const type of ['normal', 'pubsub'])
            await cluster.command(node, 'CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
          await delay(sized(stage, 1_500, 5_000));
          await configure(cluster, node, 'maxclients', '10000');
          note('connections refused', (await refused()) - before);
        },
        { hallWorkers: {} },
      ),
  },
  {
    name: 'disk-full',
    title: 'a primary cannot write its append-only file: writing beyond a size fails, as on a full disk',
    cluster: { binary: serverProgram('with-full-disk') },
    goals: [
      ...always,
      gapsTold,
      onlyErrors('MISCONF', 'EXECABORT'),
      noneLost,
      entitiesWhole,
      atLeast('calls refused', REFUSALS),
    ],
    play: (stage) =>
      trial(
        stage,
        async (running) => {
          const { cluster, password } = stage;
          const { shards, note, load } = running;
          const node = await primaryOf(cluster, shards, 0);
          const filler = `${shards.tags(0, 1)[0]}filler`;
          const plain = plainConnection(node, { password });
          try {
            await configure(cluster, node, 'auto-aof-rewrite-percentage', '0');
            await configure(cluster, node, 'appendonly', 'yes');
            const rewriting = ['aof_rewrite_in_progress', 'aof_rewrite_scheduled'];
            await until(async () => {
              const states = rewriting.map((name) => infoOf(cluster, node, 'persistence', name));
              return (await Promise.all(states)).every((state) => state === 0);
            });
            // larger than the server's other files, for which the limit holds as well
            await plain.set(filler, Buffer.alloc(2 ** 20));
            await until(async () => appendedBytes(cluster, node) > 2 ** 20);
            for (let round = 0; round < sized(stage, 1, 5); round++) {
              await limitFiles(node, appendedBytes(cluster, node) + 2 ** 14);
              await untilRefused(running, 'MISCONF');
              await delay(sized(stage, 0, 2_000));
              await limitFiles(node, 'unlimited');
              await until(async () => (await plain.set(filler, '').catch(() => '')) === 'OK');
            }
            note('calls refused', load.errors.get('MISCONF') ?? 0);
            await plain.del(filler);
          } finally {
            plain.disconnect();
            await limitFiles(node, 'unlimited');
            await configure(cluster, node, 'appendonly', 'no');
          }
        },
        { hallWorkers: { refusals: ['MISCONF', 'EXECABORT'] } },
      ),
  },
  {
    name: 'busy-script',
    title: 'a script keeps a primary busy until it is killed (6 s in the full form)',
    goals: [...always, gapsTold, noErrors, noneLost, commitsSucceed, entitiesWhole],
    play: (stage) =>
      trial(
        stage,
        async ({ shards }) => {
          const { cluster, password } = stage;
          const node = await primaryOf(cluster, shards, 0);
          await configure(cluster, node, 'busy-reply-threshold', '100');
          const plain = plainConnection(node, { password });
          const script = plain.eval('while true do end', 0).catch(() => {});
          await delay(sized(stage, 1_500, 6_000));
          await cluster.command(node, 'SCRIPT', 'KILL');
          await script;
          plain.disconnect();
        },
        { hallWorkers: {} },
      ),
  },
];
