import { ClusterClient, ClusterError, keySlot, type ClusterNode } from 'keyslot';
import type { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../breakable-cluster.js';
import { eventually } from '../cluster-fixture.js';
import { FakeNode, Relay, type Request } from '../fake-node.js';

let cluster: LocalCluster;
/** Another one, of one node that has all slots, so that it would execute whatever comes. */
let other: LocalCluster;
const clients: ClusterClient[] = [];
const guests: { stop(): Promise<void> }[] = [];

const clientOf = (options: ConstructorParameters<typeof ClusterClient>[0] = {}): ClusterClient => {
  const client = new ClusterClient({ nodes: cluster.seeds, deadlineMs: 20_000, ...options });
  clients.push(client);
  return client;
};

/** By which a client finds out where it is, and by which a replica looks for its primary. */
const HARMLESS = new Set(['hello', 'cluster', 'ping', 'auth', 'replconf', 'psync']);
const foreign = (requests: readonly Request[]): Request[] =>
  requests.filter(([name]) => !HARMLESS.has(name.toLowerCase()));
const asksWho = ([name, word]: Request): boolean =>
  name.toLowerCase() === 'cluster' && word.toLowerCase() === 'myid';

/** A replica of a key's shard; views leave out one that has had nothing from its primary yet. */
const replicaOf = (client: ClusterClient, key: string): Promise<ClusterNode> =>
  eventually(
    async () => {
      const [replica] = (await client.refreshTopology()).shardForSlot(keySlot(key))!.replicas;
      expect(replica).toBeDefined();
      return replica;
    },
    { timeoutMs: 30_000, intervalMs: 200 },
  );

breakableCluster({ nodeTimeoutMs: 1_500 }, (whole) => void (cluster = whole));
breakableCluster({ primaries: 1, replicasPerPrimary: 0 }, (whole) => void (other = whole));

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(guests.splice(0).map((guest) => guest.stop()));
});

it('a standalone server at the address of a replica receives no reads', async () => {
  const client = clientOf({ readFrom: 'replicaPreferred' });
  await client.set('{read}k', 'v');
  await client.wait(1, 5_000);
  const replica = await replicaOf(client, '{read}k');
  expect(await client.get('{read}k')).toBe('v');
  await cluster.kill(replica.name);
  const lone = await FakeNode.start(
    ([name]) =>
      name.toLowerCase() === 'cluster' ? '-ERR This instance has cluster support disabled\r\n' : undefined,
    replica.port,
  );
  guests.push(lone);
  const named = (): Promise<unknown> =>
    client
      .target(replica)
      .get('{read}k')
      .catch((error: unknown) => error);
  await eventually(async () => expect(await named()).toMatchObject({ code: 'WRONG_NODE', applied: false }));
  for (let i = 0; i < 50; i++) expect(await client.get('{read}k')).toBe('v');
  expect(lone.requests.some(asksWho)).toBe(true);
  expect(foreign(lone.requests)).toEqual([]);
  await lone.stop();
  await cluster.restart(replica.name);
}, 60_000);

it('a node of another cluster at the address of a primary receives no commands', async () => {
  const client = clientOf({ protocol: 3 });
  await client.connect();
  const victim = client.topology.nodeForKey('{taken}')!;
  const heard: unknown[] = [];
  client.pubsub.sharded('{taken}').subscribe(({ payload }) => heard.push(payload));
  client.pubsub.channel('{taken}').subscribe(({ payload }) => heard.push(payload));
  await client.pubsub.ready();
  await client.set('{taken}n', 0);
  await client.wait(1, 5_000);

  await cluster.kill(victim.name);
  const guest = await Relay.start(other.nodes[0], victim.port);
  guests.push(guest);
  const calls = Promise.all([
    client.set('{taken}a', 'v'),
    client.pipeline().set('{taken}b', 'v').get('{taken}b').exec(),
    client.multi().set('{taken}c', 'v').exec(),
    client.transaction(['{taken}n'], async (tx) => tx.multi().incr('{taken}n')),
    client.blpop('{taken}empty', 1),
    client
      .with({ durability: { replicas: 1, timeoutMs: 1 } })
      .set('{taken}d', 'v')
      .catch(() => 'unconfirmed'),
  ]);
  const named = (): Promise<unknown> =>
    client
      .target(victim)
      .get('{taken}n')
      .catch((error: unknown) => error);
  await eventually(async () => expect(await named()).toMatchObject({ code: 'WRONG_NODE', applied: false }));
  expect(await calls).toEqual([
    'OK',
    [
      [null, 'OK'],
      [null, 'v'],
    ],
    [[null, 'OK']],
    [[null, 1]],
    null,
    'unconfirmed',
  ]);
  // where the subscriptions are made anew
  await client.pubsub.ready();
  await client.pubsub.publishSharded('{taken}', 'sharded');
  await client.pubsub.publish('{taken}', 'classic');
  await eventually(() => expect(heard.toSorted()).toEqual(['classic', 'sharded']));
  expect(guest.seen('cluster').some(asksWho)).toBe(true);
  expect(foreign(guest.seen())).toEqual([]);
  expect(await other.command(other.nodes[0], 'DBSIZE')).toBe(0);
  expect(client.topology.nodes.map(({ id }) => id)).not.toContain(other.nodes[0].id);
  await guest.stop();
  await cluster.restart(victim.name);
}, 60_000);

/** A cluster of one node, of this id. */
const saying =
  (id: string, port: () => number, myid = id) =>
  ([name, word]: Request): string | undefined => {
    if (name.toLowerCase() !== 'cluster') return name === 'get' ? `$${id.length}\r\n${id}\r\n` : undefined;
    if (word.toLowerCase() === 'myid') return `$${myid.length}\r\n${myid}\r\n`;
    return `*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:${port()}\r\n$${id.length}\r\n${id}\r\n`;
  };

it('a cluster that was rebuilt at the old addresses is recognized as a new cluster', async () => {
  const node = await FakeNode.start();
  guests.push(node);
  node.become(saying('first', () => node.port));
  const client = clientOf({ nodes: [node] });
  expect(await client.get('k')).toBe('first');
  node.become(saying('second', () => node.port));
  node.cut();
  expect(await client.get('k')).toBe('second');
  expect(client.topology.primaries.map(({ id }) => id)).toEqual(['second']);
}, 30_000);

it('a proxy that reports another address than its own is not an unknown node', async () => {
  const node = await FakeNode.start();
  guests.push(node);
  node.become(saying('node', () => node.port, 'proxy'));
  const client = clientOf({ nodes: [node] });
  expect(await client.get('k')).toBe('node');
  node.cut();
  expect(await client.get('k')).toBe('node');
}, 30_000);

it('a node of another cluster at the address of a seed does not change the cluster', async () => {
  const client = clientOf({ deadlineMs: 1_000 });
  await client.connect();
  const replica = await replicaOf(client, '{gone}n');
  await cluster.kill(replica.name);
  const guest = await Relay.start(other.nodes[0], replica.port);
  guests.push(guest);
  // a replica that is dead is no part of the topology any more
  await eventually(async () => (await client.refreshTopology()).node(replica.name) === undefined, {
    timeoutMs: 30_000,
    intervalMs: 200,
  });
  const known = client.topology;
  await Promise.all(
    cluster.nodes.filter(({ state }) => state === 'running').map((node) => cluster.kill(node)),
  );
  await eventually(
    async () => {
      await expect(client.incr('{gone}n')).rejects.toBeInstanceOf(ClusterError);
      expect(guest.seen('cluster').some(asksWho)).toBe(true);
    },
    { timeoutMs: 30_000 },
  );
  expect(client.topology.sameView(known)).toBe(true);
  expect(foreign(guest.seen())).toEqual([]);
}, 60_000);
