import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LocalCluster, type LocalClusterOptions, MemoryCluster } from 'keyslot/testing';
import { backend } from './backend.js';

/** What a test file gets of the cluster it shares with others. */
export interface SharedCluster {
  /** Nodes to start from; filled in before the first test runs. */
  readonly nodes: { host: string; port: number }[];
  /** Begins every key and channel of this file, so that files do not disturb each other. No braces in it. */
  readonly keyspace: string;
}

/**
 * A real cluster for all tests of a file: the one that `REDIS_CLUSTER_NODES` names (`npm test` starts one for all
 * files), else one of this file's own. Called once, at the top of the file. A test that breaks nodes or changes
 * their configuration starts a LocalCluster of its own instead.
 */
export function sharedCluster(): SharedCluster {
  return clusterAt(nodesFromEnvironment());
}

/** As `sharedCluster`, for tests that walk over all keys there are: no other file has any there. */
export function ownCluster(options: LocalClusterOptions = {}): SharedCluster {
  return clusterAt([], options);
}

function clusterAt(
  given: { host: string; port: number }[],
  options: LocalClusterOptions = {},
): SharedCluster {
  const nodes: { host: string; port: number }[] = [];
  let end: (() => unknown) | undefined;
  beforeAll(async () => {
    if (backend.isMemory) {
      const memory = new MemoryCluster();
      nodes.push(...memory.nodes);
      end = () => memory.close();
    } else if (given.length === 0) {
      const own = await LocalCluster.start(options);
      nodes.push(...own.seeds);
      end = () => own.stop();
    } else nodes.push(...given);
  });
  afterAll(() => end?.());
  return { nodes, keyspace: `file-${randomBytes(6).toString('hex')}:` };
}

function nodesFromEnvironment(): { host: string; port: number }[] {
  const names = (process.env.REDIS_CLUSTER_NODES ?? '').split(',').map((name) => name.trim());
  return names
    .filter((name) => name !== '')
    .map((name) => {
      const { hostname, port } = new URL(name.includes('://') ? name : `redis://${name}`);
      return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 6379) };
    });
}

/**
 * Waits for a condition: calls until it neither throws nor comes back `false`.
 * @returns what it came back with
 * @throws what it threw last
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 60_000, intervalMs = 20 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<Exclude<T, false>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown = new Error(`The condition was not met within ${timeoutMs} ms`);
    try {
      const result = await condition();
      if (result !== false) return result as Exclude<T, false>;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > end) throw failure;
    await delay(intervalMs);
  }
}
