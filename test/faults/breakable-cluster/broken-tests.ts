import type { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../../breakable-cluster.js';

/* Run by breakable-cluster.test.ts: two of these tests fail on purpose. */

let cluster: LocalCluster;
breakableCluster(
  { primaries: 2, replicasPerPrimary: 0, nodeTimeoutMs: 500, requireFullCoverage: false },
  (whole) => void (cluster = whole),
);

const pings = (): Promise<unknown[]> =>
  Promise.all(cluster.nodes.map((node) => cluster.command(node, 'PING')));

it('writes a key', async () => {
  await cluster.command(cluster.nodes[0], 'CONFIG', 'SET', 'lua-time-limit', '4321');
});

it('finds the key because the cluster is intact, and kills a node', async () => {
  expect(await cluster.command(cluster.nodes[0], 'CONFIG', 'GET', 'lua-time-limit')).toContain('4321');
  await cluster.kill(cluster.nodes[1]);
  throw new Error('failed on purpose');
});

it('gets a new cluster instead of one with a dead node, and freezes a node', async () => {
  expect(await pings()).toEqual(['PONG', 'PONG']);
  expect(await cluster.command(cluster.nodes[0], 'CONFIG', 'GET', 'lua-time-limit')).not.toContain('4321');
  await cluster.freeze(cluster.nodes[1]);
  throw new Error('failed on purpose');
});

it('gets a new cluster instead of one with a frozen node', async () => {
  expect(await pings()).toEqual(['PONG', 'PONG']);
});
