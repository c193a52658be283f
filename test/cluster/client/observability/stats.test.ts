import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import {
  buffered,
  ClusterClient,
  type ClusterClientOptions,
  type ClusterStats,
  keySlot,
  OutcomeUnknownError,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { Relays } from '../../../fake-node.js';

let local: LocalCluster;
const cleanups: (() => unknown)[] = [];
let names = 0;
/** A key that no other test uses. */
const key = (tag = `t${names++}`): string => `{${tag}}k`;

beforeAll(async () => {
  local = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 1 });
});
afterAll(() => local?.stop());
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function connected(options: ClusterClientOptions = {}): Promise<ClusterClient> {
  const client = new ClusterClient({ nodes: local.seeds, ...options });
  cleanups.push(() => client.close());
  await client.connect();
  return client;
}

/** The name of the node that owns the slot of a key. */
const ownerOf = (client: ClusterClient, of: string): string => client.topology.nodeForSlot(keySlot(of))!.name;

/** Cuts the connections of clients to a node, of one type or all. */
const killClients = (node: string, type = 'normal'): Promise<unknown> =>
  local.command(node, 'CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');

describe('stats()', () => {
  it('counts each command at the node that has its slot, and its bytes', async () => {
    const client = await connected();
    const mine = key();
    const owner = ownerOf(client, mine);
    const before = client.stats();
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => client.set(mine, `value ${i}`)));
    const after = client.stats();
    for (const [name, { commands, role }] of Object.entries(after.nodes)) {
      expect([name, commands - before.nodes[name].commands]).toEqual([name, name === owner ? 1_000 : 0]);
      expect(role).toBe(client.topology.node(name)!.role);
    }
    expect(after.total.commands - before.total.commands).toBe(1_000);
    expect(after.nodes[owner].bytesSent - before.nodes[owner].bytesSent).toBeGreaterThan(30_000);
    // "+OK" and the end of its line
    expect(after.nodes[owner].bytesReceived - before.nodes[owner].bytesReceived).toBeGreaterThanOrEqual(
      5_000,
    );
    expect(after.nodes[owner].roundTripMs.count - before.nodes[owner].roundTripMs.count).toBe(1_000);
    const { p50, p90, p99, max } = after.nodes[owner].roundTripMs;
    expect(p50).toBeGreaterThan(0);
    expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].toSorted((a, b) => a - b));
    expect(after.total.pending).toEqual({ commands: 0, inFlight: 0, waitingForRoom: 0, bytes: 0 });
  });

  it('counts the commands of pipelines, a transaction once, and a call to all primaries at each of them', async () => {
    const client = await connected();
    const mine = key();
    const commandsOf = ({ nodes }: ClusterStats): number[] => [
      nodes[ownerOf(client, mine)].commands,
      ...client.topology.primaries.map(({ name }) => nodes[name].commands),
    ];
    const before = commandsOf(client.stats());
    await client
      .pipeline([
        ['set', mine, '1'],
        ['get', mine],
        ['incr', mine],
      ])
      .exec();
    await client
      .multi([
        ['set', mine, '1'],
        ['get', mine],
      ])
      .exec();
    await client.transaction([mine], async (tx) => {
      await tx.get(mine);
      return tx.multi().set(mine, '2');
    });
    const own = commandsOf(client.stats())[0] - before[0];
    expect(own).toBe(3 + 1 + 3); // WATCH, GET and EXEC
    const between = commandsOf(client.stats());
    await client.dbsize();
    expect(commandsOf(client.stats()).slice(1)).toEqual(between.slice(1).map((count) => count + 1));
  });

  it('counts each command of a large pipeline, while it is under way and afterwards', async () => {
    const client = await connected();
    const before = client.stats().total.commands;
    const pipeline = client.pipeline();
    for (let i = 0; i < 1_500; i++) pipeline.get(key());
    const results = pipeline.exec();
    expect(client.stats().total.pending.commands).toBe(1_500);
    expect(await results).toHaveLength(1_500);
    const { commands, pending } = client.stats().total;
    expect(commands - before).toBe(1_500);
    expect(pending).toEqual({ commands: 0, inFlight: 0, waitingForRoom: 0, bytes: 0 });
  });

  it('shows pending commands, and zeros before the client connects and after it is closed', async () => {
    const client = new ClusterClient({ nodes: local.seeds });
    cleanups.push(() => client.close());
    const nothing = { commands: 0, inFlight: 0, waitingForRoom: 0, bytes: 0 };
    expect(client.stats()).toMatchObject({ total: { commands: 0, pending: nothing }, nodes: {} });
    const mine = key();
    const first = client.set(mine, 'v');
    expect(client.stats().total.pending).toMatchObject({ commands: 1, inFlight: 0 });
    await first;
    const owner = ownerOf(client, mine);
    await local.command(owner, 'CLIENT', 'PAUSE', '60000', 'WRITE');
    cleanups.push(() => local.command(owner, 'CLIENT', 'UNPAUSE'));
    const calls = Array.from({ length: 10 }, () => client.set(mine, 'v'));
    await eventually(() => expect(client.stats().nodes[owner].pending.inFlight).toBe(10));
    expect(client.stats().nodes[owner].pending.commands).toBe(10);
    expect(client.stats().nodes[owner].pending.bytes).toBeGreaterThan(10 * mine.length);
    await local.command(owner, 'CLIENT', 'UNPAUSE');
    await Promise.all(calls);
    await client.close();
    const { total, nodes } = client.stats();
    expect(total).toMatchObject({
      commands: 11,
      pending: nothing,
      connections: { shared: 0, leased: 0, subscriber: 0 },
    });
    expect(nodes[owner].commands).toBe(11);
  });

  it('continues counting when the client is restarted', async () => {
    const client = await connected();
    const mine = key();
    await client.set(mine, 'v');
    const before = client.stats();
    await client.quit();
    expect(client.stats().total.commands).toBe(before.total.commands);
    await client.connect();
    await client.get(mine);
    const after = client.stats();
    expect(after.total.commands).toBe(before.total.commands + 1);
    expect(after.since).toBe(before.since);
    expect(after.total.bytesSent).toBeGreaterThan(before.total.bytesSent);
  });

  it('counts redirects by kind, and no retries if they are followed at once', async () => {
    const client = await connected();
    const [mine, other] = [key('moving'), '{moving}absent'];
    await client.set(mine, '1');
    const [from, to] = [
      ownerOf(client, mine),
      local.primaries.find(({ name }) => name !== ownerOf(client, mine))!,
    ];
    const migration = await local.beginSlotMigration(keySlot(mine), from, to);
    await client.get(other);
    expect(client.stats().nodes[from].redirects).toEqual({ ASK: 1 });
    expect(client.stats().nodes[to.name].commands).toBe(1);
    const deadline = client.with({ deadlineMs: 200 });
    await expect(deadline.mget(mine, other)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const tried = client.stats();
    expect(tried.nodes[from].redirects.TRYAGAIN).toBeGreaterThan(0);
    // the last refusal may come after the deadline
    const { TRYAGAIN: refusals } = tried.nodes[from].redirects;
    expect([refusals, refusals! - 1]).toContain(tried.nodes[from].retries.TRYAGAIN);
    expect(tried.nodes[from].errors).toEqual({ DEADLINE_EXCEEDED: 1 });
    await migration.moveKeys();
    await migration.finish();
    await client.get(mine);
    const { total, nodes } = client.stats();
    expect(nodes[from].redirects).toMatchObject({ ASK: 1, MOVED: 1 });
    expect(total.redirects).toEqual(nodes[from].redirects);
    expect(total.retries).toEqual({ TRYAGAIN: tried.total.retries.TRYAGAIN });
  });

  it('counts a lost reply: an unknown outcome or a retry, and the new connection', async () => {
    const relays = await Relays.start(local.seeds);
    cleanups.push(() => relays.stop());
    const client = await connected(relays.options);
    const mine = key();
    const owner = ownerOf(client, mine);
    const relay = relays.all.find(({ name }) => name === owner)!;
    const before = client.stats();
    const losesOnce = (command: string): void => {
      let losses = 0;
      relay.losesReplyTo = ([name]) => name.toLowerCase() === command && ++losses === 1;
    };
    losesOnce('incr');
    await expect(client.incr(mine)).rejects.toBeInstanceOf(OutcomeUnknownError);
    losesOnce('get');
    expect(await client.get(mine)).toBe('1');
    const after = client.stats();
    expect(after.nodes[owner]).toMatchObject({
      unknownOutcomes: 1,
      errors: { OUTCOME_UNKNOWN: 1 },
      retries: { CONNECTION: 1 },
      reconnects: 2,
      connections: { shared: 1 },
    });
    expect(after.nodes[owner].commands - before.nodes[owner].commands).toBe(3);
    expect(after.total).toMatchObject({ unknownOutcomes: 1, reconnects: 2 });
  });

  it('counts a killed connection, and keeps its bytes', async () => {
    const client = await connected();
    const mine = key();
    await client.set(mine, 'x'.repeat(10_000));
    const owner = ownerOf(client, mine);
    const before = client.stats().nodes[owner];
    await killClients(owner);
    await eventually(async () => {
      await client.get(mine);
      expect(client.stats().nodes[owner].reconnects).toBe(1);
    });
    const after = client.stats().nodes[owner];
    expect(after.connections.shared).toBe(1);
    expect(after.bytesSent).toBeGreaterThan(before.bytesSent);
    expect(before.reconnects).toBe(0);
  });

  it('counts errors by code, but not codes that a script made up', async () => {
    const client = await connected();
    const mine = key();
    await client.set(mine, 'text');
    const script = "return redis.error_reply('user-4711 is secret')";
    await expect(client.incr(mine)).rejects.toMatchObject({ code: 'ERR' });
    await expect(client.lpush(mine, 'x')).rejects.toMatchObject({ code: 'WRONGTYPE' });
    await expect(client.eval(script, 1, mine)).rejects.toThrow('secret');
    await client.pipeline([['lpush', mine, 'x']]).exec();
    await expect(client.with({ signal: AbortSignal.abort() }).get(mine)).rejects.toMatchObject({
      code: 'ABORTED',
    });
    const { total, nodes } = client.stats();
    expect(nodes[ownerOf(client, mine)].errors).toEqual({ ERR: 1, WRONGTYPE: 2, OTHER: 1 });
    expect(total.errors).toEqual({ ERR: 1, WRONGTYPE: 2, OTHER: 1, ABORTED: 1 });
    expect(JSON.stringify(client.stats())).not.toMatch(/secret|4711|text/);
  });

  it('counts commands that a full queue rejects', async () => {
    const client = await connected({ maxPendingPerNode: { commands: 5 } });
    const mine = key();
    const calls = await Promise.allSettled(Array.from({ length: 8 }, () => client.set(mine, 'v')));
    expect(calls.filter(({ status }) => status === 'rejected')).toHaveLength(3);
    const node = client.stats().nodes[ownerOf(client, mine)];
    expect(node).toMatchObject({ backpressure: 3, errors: { BACKPRESSURE: 3 } });
    expect(node.commands).toBe(5);
  });

  it('shows leased connections', async () => {
    const client = await connected({ maxLeasedPerNode: 1 });
    const mine = key();
    const owner = ownerOf(client, mine);
    const leasesNow = (): unknown => client.stats().nodes[owner].leases;
    const pops = [client.blpop(mine, 30), client.blpop(mine, 30)];
    await eventually(() => expect(leasesNow()).toEqual({ held: 1, idle: 0, waiting: 1, max: 1, created: 1 }));
    expect(client.stats().nodes[owner].connections).toMatchObject({ leased: 1 });
    await client.rpush(mine, 'a', 'b');
    await Promise.all(pops);
    await eventually(() => expect(leasesNow()).toEqual({ held: 0, idle: 1, waiting: 0, max: 1, created: 1 }));
    expect(client.stats().nodes[owner].commands).toBe(3);
    expect(client.stats().total.leases).toEqual({ held: 0, idle: 1, waiting: 0, max: 500, created: 1 });
  });

  it('counts reads of the topology', async () => {
    const client = await connected();
    const before = client.stats().topology;
    await client.refreshTopology();
    const after = client.stats().topology;
    expect(after).toMatchObject({ refreshes: before.refreshes + 1, refreshFailures: 0 });
    expect(after.lastRefreshMs).toBeGreaterThan(0);
    expect(after.version).toBe(client.topology.version);
  });

  it('counts subscriptions, messages and gaps', async () => {
    const client = await connected();
    const channel = key();
    const received: unknown[] = [];
    const subscriptions = [
      client.pubsub.channel([channel, `${channel}2`]).subscribe((message) => received.push(message.payload)),
      client.pubsub.pattern(`${channel}*`).subscribe(),
      client.pubsub.sharded(channel).subscribe(),
    ];
    await client.pubsub.ready();
    const { pubsub, total } = client.stats();
    expect(pubsub).toMatchObject({
      subscriptions: { channel: 2, pattern: 1, sharded: 1, keyspace: 0 },
      unconfirmed: 0,
    });
    expect(total.connections.subscriber).toBeGreaterThan(0);
    await client.pubsub.publish(channel, 'hello');
    await eventually(() => expect(client.stats().pubsub.messages).toBe(2)); // the channel's, and the pattern's
    for (const { name } of local.primaries) await killClients(name, 'pubsub');
    await eventually(() => expect(client.stats().pubsub.gaps.connectionLost).toBeGreaterThan(0));
    await client.pubsub.ready();
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(client.stats().pubsub.subscriptions).toEqual({ channel: 0, pattern: 0, sharded: 0, keyspace: 0 });
  });

  it('counts messages that wait in a buffer, were dropped, or could not be decoded', async () => {
    const client = await connected();
    const channel = key();
    const messages = buffered(client.pubsub.channel(channel), { size: 2 }).open();
    client.pubsub.channel(channel, { codec: 'json' }).subscribe();
    await client.pubsub.ready([channel]);
    for (let i = 0; i < 5; i++) await client.pubsub.publish(channel, i);
    await client.publish(channel, '{not JSON');
    await eventually(() =>
      expect(client.stats().pubsub).toMatchObject({ buffered: 2, dropped: 3, unreadable: 1 }),
    );
    await messages.next();
    expect(client.stats().pubsub.buffered).toBe(1);
    await messages.return();
    expect(client.stats().pubsub).toMatchObject({ buffered: 0, dropped: 3 });
  });

  it('adds the numbers of a node to the total when it leaves', async () => {
    const added = await local.addNode({ replicaOf: local.primaries[0] });
    const client = await connected();
    await client.target(client.topology.node(added.name)!).ping();
    const before = client.stats();
    expect(before.nodes[added.name].commands).toBe(1);
    await local.removeNode(added);
    await eventually(async () => {
      await client.refreshTopology();
      expect(Object.keys(client.stats().nodes)).not.toContain(added.name);
    });
    expect(client.stats().total.commands).toBe(before.total.commands);
    expect(client.stats().total.bytesSent).toBeGreaterThanOrEqual(before.total.bytesSent);
  });
});

describe('stats$', () => {
  it('emits at once and then at each interval, and completes when the client closes', async () => {
    const client = await connected({ statsIntervalMs: 10 });
    const three = await firstValueFrom(client.stats$.pipe(take(3), toArray()));
    expect(three[2].at).toBeGreaterThan(three[0].at);
    const last = lastValueFrom(client.stats$);
    const mine = key();
    await client.set(mine, 'v');
    await eventually(async () => {
      expect((await firstValueFrom(client.stats$)).total.commands).toBe(1);
    });
    await client.close();
    expect((await last).total.commands).toBe(1);
    const afterwards = await lastValueFrom(client.stats$);
    expect(afterwards.total.commands).toBe(1);
  });

  it('shares its snapshots, and takes none without subscribers', async () => {
    const client = await connected({ statsIntervalMs: 5 });
    let taken = 0;
    const stats = client.stats.bind(client);
    client.stats = () => {
      taken++;
      return stats();
    };
    const [one, two]: ClusterStats[][] = [[], []];
    const subscriptions = [
      client.stats$.subscribe((at) => one.push(at)),
      client.stats$.subscribe((at) => two.push(at)),
    ];
    await eventually(() => expect(two.length).toBeGreaterThan(3));
    expect(two).toEqual(one);
    expect(two[0]).toBe(one[0]);
    for (const subscription of subscriptions) subscription.unsubscribe();
    const then = taken;
    expect(then).toBe(one.length);
    // the other client's timer has fired many times by then
    const other = await connected({ statsIntervalMs: 5 });
    await lastValueFrom(other.stats$.pipe(take(10)));
    expect(taken).toBe(then);
  });
});
