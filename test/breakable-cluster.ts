import { LocalCluster, type LocalClusterOptions } from 'keyslot/testing';
import { clusterState } from './faults/harness/cluster-state.js';

/** How long a cluster may take to be whole again after a test, in ms. */
const RECOVERY_MS = 30_000;

/** The clusters that tests of this file break; `cluster-environment.mjs` adds their states to a failure. */
const inUse = new Set<LocalCluster>();
(globalThis as { clusterStates?: () => Promise<string> }).clusterStates = async () =>
  (await Promise.all([...inUse].map(clusterState))).join('\n');

/** Prepares the tests of a file for a new cluster. @returns undoes it, before the cluster is stopped */
type Prepare = (cluster: LocalCluster) => void | (() => unknown) | Promise<void | (() => unknown)>;

/**
 * A cluster for tests that break it, one after the other. They share it for as long as it is whole: a test that finds
 * it broken gets a new one, so that one failure does not fail the tests after it. Called once a `describe` or file.
 * @param prepare called with each new cluster, before the first test that gets it
 */
export function breakableCluster(options: LocalClusterOptions, prepare: Prepare): void {
  let current: { cluster: LocalCluster; undo: Awaited<ReturnType<Prepare>> } | undefined;

  const end = async (): Promise<void> => {
    const ended = current;
    current = undefined;
    if (ended === undefined) return;
    inUse.delete(ended.cluster);
    try {
      await ended.undo?.();
    } finally {
      await ended.cluster.stop();
    }
  };
  const ensureWhole = async (): Promise<void> => {
    if (current !== undefined && (await isWhole(current.cluster))) return;
    await end();
    const cluster = await LocalCluster.start(options);
    current = { cluster, undo: undefined };
    inUse.add(cluster);
    current.undo = await prepare(cluster);
  };

  // before hooks of describe blocks within, too
  beforeAll(ensureWhole);
  beforeEach(ensureWhole);
  afterAll(end);
}

async function isWhole(cluster: LocalCluster): Promise<boolean> {
  if (cluster.nodes.some(({ state }) => state !== 'running')) return false;
  return cluster.waitUntilStable({ timeoutMs: RECOVERY_MS }).then(
    () => true,
    () => false,
  );
}
