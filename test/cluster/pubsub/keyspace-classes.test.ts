import { LocalCluster } from 'keyslot/testing';
import { type KeyEvent, KeyspaceEventsOffError } from 'keyslot';
import { eventually } from '../../cluster-fixture.js';
import { collect, pubsubFactory } from './fixture.js';

const open = pubsubFactory();
let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await LocalCluster.start({ replicasPerPrimary: 0 });
});
afterAll(() => cluster.stop());

const configure = (flags: string, nodes = cluster.nodes): Promise<unknown> =>
  Promise.all(nodes.map((node) => cluster.command(node, 'CONFIG', 'SET', 'notify-keyspace-events', flags)));

/** Subscribes to events; `fails` waits for its end, and `ready` for its beginning. */
function observe(events: string[] | undefined) {
  const { pubsub, engine } = open({ nodes: cluster.seeds }, { heartbeatMs: 200 });
  const seen = collect<KeyEvent>();
  pubsub.keyspace({ pattern: '*', events }).subscribe(seen.observer);
  return { pubsub, engine, seen };
}

it.each([
  ['Kg', ['expired'], 'x'],
  ['KA', ['keymiss'], 'm'],
  ['Kx', ['expired', 'del', 'hset'], 'gh'],
  ['Ex', ['expired'], 'K'],
  ['K', undefined, 'A'],
  ['', undefined, 'KA'],
  ['Kg$', ['lpush'], 'l'],
])('with the node setting "%s", events %p fail because %s is missing', async (flags, events, lacking) => {
  await configure(flags);
  const { pubsub, seen } = observe(events);
  await expect(pubsub.ready()).rejects.toThrow(KeyspaceEventsOffError);
  expect(seen.errors).toEqual([expect.objectContaining({ code: 'KEYSPACE_EVENTS_OFF', lacking })]);
});

it.each([
  ['Kx', ['expired']],
  ['KA', ['expired', 'del', 'zadd', 'xadd', 'evicted']],
  ['Kg', undefined],
  ['KEg$', ['set', 'del']],
  ['Kg', ['an event of a server to come']],
])('with the node setting "%s", events %p can be subscribed to', async (flags, events) => {
  await configure(flags);
  const { pubsub, seen } = observe(events);
  await pubsub.ready();
  expect(seen.errors).toEqual([]);
});

it('fails when a node stops publishing events, and works again after it was reconfigured', async () => {
  await configure('KA');
  const { pubsub, engine, seen } = observe(['set']);
  const others = collect<KeyEvent>();
  pubsub.keyspace({ pattern: '*', events: ['del'] }).subscribe(others.observer);
  await pubsub.ready();
  await configure('Kg', cluster.nodes.slice(0, 1));
  await eventually(() => expect(seen.errors).toHaveLength(1));
  expect(seen.errors[0]).toMatchObject({ node: cluster.nodes[0].name, lacking: '$' });
  // who wants what is told still has it
  await configure('KA');
  const again = collect<KeyEvent>();
  pubsub.keyspace({ pattern: '*', events: ['set'] }).subscribe(again.observer);
  await pubsub.ready();
  const run = (name: string, ...args: string[]): Promise<unknown> =>
    engine.run(name, args, engine.options, { buffers: false });
  for (const key of ['a', 'b', 'c']) {
    await run('set', key, 'x');
    await run('del', key);
  }
  await eventually(() => {
    expect(again.values.map(({ key }) => key).toSorted()).toEqual(['a', 'b', 'c']);
    expect(others.values.map(({ key }) => key).toSorted()).toEqual(['a', 'b', 'c']);
  });
  expect([again.errors, others.errors]).toEqual([[], []]);
});

it('relies on received events if the user may not read the configuration', async () => {
  await configure('KA');
  for (const node of cluster.nodes) {
    await cluster.command(node, 'ACL', 'SETUSER', 'asker', 'on', '>secret', '~*', '&*', '+@all', '-config');
  }
  const { pubsub, engine } = open(
    { nodes: cluster.seeds, username: 'asker', password: 'secret' },
    { heartbeatMs: 100 },
  );
  const seen = collect<KeyEvent>();
  pubsub.keyspace({ pattern: '*', events: ['set'] }).subscribe(seen.observer);
  await pubsub.ready();
  let i = 0;
  await eventually(async () => {
    await engine.run('set', [`k:${i++}`, 'x'], engine.options, { buffers: false });
    // some heart-beats later
    expect(seen.values.length).toBeGreaterThan(20);
  });
  // it was not asked again and again: servers keep a log of what they refuse
  const logs = await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'ACL', 'LOG')));
  for (const log of logs as string[][][]) {
    const refused = log.filter((entry) => entry.includes('asker'));
    expect(refused.length).toBeLessThanOrEqual(1);
    for (const entry of refused) expect(Number(entry[entry.indexOf('count') + 1])).toBeLessThanOrEqual(2);
  }
});
