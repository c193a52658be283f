import { ClusterClient, ClusterModule, keySlot } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../breakable-cluster.js';
import { endAll, startApp, Watcher } from './dashboard-app.js';

let cluster: LocalCluster;

afterEach(endAll);

const start = async (
  lazyConnect = false,
): Promise<{ client: ClusterClient; watcher: Watcher; url: string }> => {
  const { app, url } = await startApp({
    imports: [ClusterModule.forRoot({ nodes: cluster.seeds, lazyConnect, startupTimeoutMs: 1_000 })],
  });
  return { client: app.get(ClusterClient), watcher: new Watcher(`${url}/cluster/events`), url };
};

describe('a cluster without replicas', () => {
  breakableCluster({ primaries: 3, replicasPerPrimary: 0 }, (whole) => {
    cluster = whole;
  });

  it('says that a primary is silent, and shows the others, with errors of the application only', async () => {
    const { watcher } = await start();
    await watcher.sees(({ nodes }) => nodes.every(({ state }) => state === 'ok'));
    const [primary] = cluster.primaries;
    await cluster.freeze(primary);
    try {
      const {
        cluster: report,
        nodes,
        totals,
      } = await watcher.sees(({ nodes: all }) =>
        all.some(({ name, state }) => name === primary.name && state === 'silent'),
      );
      expect(report).toMatchObject({
        verdict: 'down',
        problems: expect.arrayContaining([`${primary.name} does not answer`]) as unknown,
      });
      expect(nodes.filter(({ name }) => name !== primary.name).map(({ state }) => state)).toContain('ok');
      expect(totals.errors).toEqual({});
    } finally {
      await cluster.thaw(primary);
    }
    await watcher.sees(({ cluster: { verdict } }) => verdict === 'up');
  });

  it.each([
    ['without INFO', '+cluster|slots', 'forbidden'],
    ['with INFO', '+cluster|slots +info', 'ok'],
  ])('serves a user %s', async (_what, permissions, expected) => {
    const rules = ['on', '>of-the-application', ...permissions.split(' ')];
    for (const node of cluster.nodes)
      await cluster.command(node, 'ACL', 'SETUSER', 'limited', 'reset', ...rules);
    const { url } = await startApp({
      imports: [
        ClusterModule.forRoot({
          nodes: cluster.seeds,
          username: 'limited',
          password: 'of-the-application',
        }),
      ],
    });
    const watcher = new Watcher(`${url}/cluster/events`);
    const { cluster: report, slots } = await watcher.sees(({ nodes }) =>
      nodes.every(({ state }) => state === expected),
    );
    expect(report).toMatchObject({ verdict: 'up', problems: [] });
    expect(slots.source).toBe('client');
    expect(watcher.text).not.toContain('of-the-application');
  });

  it('says that the whole cluster is down, and recovers by itself', async () => {
    const { watcher } = await start();
    await watcher.sees(({ cluster: { verdict } }) => verdict === 'up');
    for (const node of cluster.nodes) await cluster.kill(node);
    const { cluster: report } = await watcher.sees(({ nodes }) =>
      nodes.every(({ state }) => state === 'unreachable'),
    );
    expect(report.verdict).toBe('down');
    for (const node of cluster.nodes) await cluster.restart(node);
    await watcher.sees(({ cluster: { verdict } }) => verdict === 'up');
  });

  it('serves the page of an application that started without its cluster, which appears when the cluster does', async () => {
    for (const node of cluster.nodes) await cluster.kill(node);
    const { client, watcher, url } = await start(true);
    const { cluster: report } = await watcher.sees(({ nodes }) => nodes.length > 0);
    expect(report).toMatchObject({
      verdict: 'down',
      problems: expect.arrayContaining(['The application is not connected to the cluster']) as unknown,
    });
    expect((await fetch(`${url}/cluster`)).status).toBe(200);
    for (const node of cluster.nodes) await cluster.restart(node);
    await watcher.sees(({ cluster: { verdict } }) => verdict === 'up');
    expect(client.status).toBe('ready');
  });

  it('shows the load of slots as the servers count it, or else the commands of the application', async () => {
    const settings = await Promise.allSettled(
      cluster.nodes.map((node) =>
        cluster.command(node, 'CONFIG', 'SET', 'cluster-slot-stats-enabled', 'yes'),
      ),
    );
    const source = settings.every(({ status }) => status === 'fulfilled') ? 'server' : 'client';
    const { client, watcher } = await start();
    const busy = keySlot('busy');
    const { slots } = await watcher.sees((state) => {
      for (let i = 0; i < 20; i++) void client.set('busy', 'x'.repeat(1_000)).catch(() => {});
      return state.slots.source === source && state.slots.slots.some(({ slot }) => slot === busy);
    });
    expect(slots.slots[0].slot).toBe(busy);
    expect(slots.slots[0].rate).toBeGreaterThan(0);
  });
});

describe('a cluster with replicas', () => {
  breakableCluster({ primaries: 3, replicasPerPrimary: 1, nodeTimeoutMs: 2_000 }, (whole) => {
    cluster = whole;
  });

  it('shows a failover: who took over, and what it meant for the calls of the application', async () => {
    const { client, watcher } = await start();
    await watcher.sees(({ nodes }) => nodes.every(({ state }) => state === 'ok'));
    const killed = await cluster.primaryOfSlot(keySlot('a'));
    await cluster.kill(killed);
    await client.set('a', '1');
    const { log, topology } = await watcher.sees((state) =>
      state.log.some(({ text }) => /has taken over \d+ slots of/.test(text)),
    );
    expect(log.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(new RegExp(`has taken over 546\\d slots of ${killed.name}`)),
    );
    expect(topology.shards.map(({ primary }) => primary)).not.toContain(killed.name);
    await cluster.restart(killed);
    await watcher.sees(({ cluster: { verdict }, nodes }) => verdict === 'up' && nodes.length === 6);
  });
});
