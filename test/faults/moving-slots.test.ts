import { ClusterClient, keySlot, Script, type ClusterNode } from 'keyslot';
import { LocalCluster, type LocalNode, type SlotMigration } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';

describe('a cluster with a slot halfway from one node to another', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;
  let migration: SlotMigration;
  let from: LocalNode;
  let to: LocalNode;
  let tags = 0;
  let tag: string;
  /** A key of the slot that moves. */
  const key = (name: string): string => `{${tag}}${name}`;
  const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      (reply) => reply,
      (error: { code: string; cause?: { code?: string } }) => [error.code, error.cause?.code],
    );

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    client = new ClusterClient({ nodes: cluster.seeds });
    await client.connect();
  });

  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  // `gone` has arrived, `here` and the list have not moved yet
  beforeEach(async () => {
    tag = `slot${tags++}`;
    const slot = keySlot(tag);
    from = await cluster.primaryOfSlot(slot);
    to = cluster.nodes.find((node) => node !== from) as LocalNode;
    await client.mset({ [key('gone')]: 1, [key('here')]: 2 });
    await client.rpush(key('list'), 'a', 'b');
    migration = await cluster.beginSlotMigration(slot, from, to);
    await migration.moveKeys({ keys: [key('gone')] });
  });

  afterEach(async () => {
    await migration.finish();
    await client.refreshTopology();
  });

  it('serves single keys on either node, and creates new ones', async () => {
    expect([
      await client.get(key('gone')),
      await client.get(key('here')),
      await client.get(key('never')),
      await client.set(key('new'), 3),
      await client.incr(key('gone')),
      await client.incr(key('here')),
      await client.incr(key('new')),
      await client.getBuffer(key('gone')),
    ]).toEqual(['1', '2', null, 'OK', 2, 3, 4, Buffer.from('2')]);
    // ASK is for one command: the slot is not taken for moved
    expect((client.topology.nodeForKey(key('')) as ClusterNode).port).toBe(from.port);
    await migration.finish();
    expect(await client.mget(key('gone'), key('here'), key('new'))).toEqual(['2', '3', '4']);
  });

  it('serves many keys at once, each from its own node', async () => {
    const names = ['gone', 'here', 'new', 'list'];
    const asked = Array.from({ length: 200 }, (_, i) => client.exists(key(names[i % 4])));
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 200 }, (_, i) => (i % 4 === 2 ? 0 : 1)));
  });

  it('serves pipelines command by command, together with keys of other slots', async () => {
    const other = `other${tag}`;
    expect(
      await client
        .pipeline()
        .set(other, 'o')
        .get(key('gone'))
        .incr(key('here'))
        .set(key('new'), 'n')
        .get(key('new'))
        .get(other)
        .lrange(key('list'), 0, -1)
        .lpush(key('gone'), 1)
        .exec(),
    ).toEqual([
      [null, 'OK'],
      [null, '1'],
      [null, 3],
      [null, 'OK'],
      [null, 'n'],
      [null, 'o'],
      [null, ['a', 'b']],
      [expect.objectContaining({ code: 'WRONGTYPE' }), undefined],
    ]);
  });

  it('serves transactions and scripts on one key, on either node', async () => {
    expect(await client.multi().incr(key('gone')).get(key('gone')).exec()).toEqual([
      [null, 2],
      [null, '2'],
    ]);
    expect(await client.multi().incr(key('here')).exec()).toEqual([[null, 3]]);
    expect(await client.multi().set(key('new'), 1).incr(key('new')).exec()).toEqual([
      [null, 'OK'],
      [null, 2],
    ]);
    const script = new Script(`return redis.call('INCR', KEYS[1])`);
    expect(await client.runScript(script, [key('gone')], [])).toBe(3);
    expect(await client.runScript(script, [key('here')], [])).toBe(4);
  });

  it('makes commands wait if their keys are on both nodes, until the keys are together', async () => {
    const script = new Script(`return redis.call('MGET', KEYS[1], KEYS[2])`);
    const waiting = [
      client.mget(key('gone'), key('here')),
      client.del(key('gone'), key('list')),
      client.mset({ [key('here')]: 5, [key('new')]: 6 }),
      client.runScript(script, [key('here'), key('new')], []),
      client.multi().get(key('here')).get(key('new')).exec(),
      client.pipeline().mget(key('here'), key('new')).exec(),
    ];
    const first = await Promise.race([...waiting, client.echo('none was answered')]);
    expect(first).toBe('none was answered');
    await migration.finish();
    const [read, deleted, ...rest] = await Promise.all(waiting);
    expect([
      ['1', '2'],
      ['1', '5'],
      [null, '2'],
      [null, '5'],
    ]).toContainEqual(read);
    expect(deleted).toBe(2);
    expect(rest.slice(0, 1)).toEqual(['OK']);
    expect(await client.mget(key('gone'), key('here'), key('new'))).toEqual([null, '5', '6']);
  });

  it('reports that nothing was executed if a caller cannot wait that long', async () => {
    const hurried = client.with({ deadlineMs: 100 });
    expect(await codeOf(hurried.mget(key('gone'), key('here')))).toEqual(['DEADLINE_EXCEEDED', 'TRYAGAIN']);
    expect(await codeOf(client.with({ retry: 'never' }).mset(key('gone'), 7, key('here'), 7))).toEqual([
      'TRYAGAIN',
      undefined,
    ]);
    // a redirect is no second attempt
    expect(await client.with({ retry: 'never' }).get(key('gone'))).toBe('1');
    expect(await client.get(key('here'))).toBe('2');
  });

  it('moves blocked commands to the new node', async () => {
    expect(await client.blpop(key('list'), 1)).toEqual([key('list'), 'a']);
    const popped = client.blpop(key('later'), 0);
    const there = client.blpop(key('gone-list'), 0);
    await client.rpush(key('gone-list'), 'x');
    expect(await there).toEqual([key('gone-list'), 'x']);
    await migration.finish();
    await client.rpush(key('later'), 'y');
    expect(await popped).toEqual([key('later'), 'y']);
  });

  it('learns the new owner from the first MOVED once the slot has arrived', async () => {
    const before = client.topology;
    await migration.finish();
    expect(await client.get(key('gone'))).toBe('1');
    expect(client.topology.nodeForKey(key(''))?.port).toBe(to.port);
    expect(client.topology.version).toBeGreaterThan(before.version);
    expect(before.nodeForKey(key(''))?.port).toBe(from.port);
  });

  it('continues on the old node if the move is cancelled', async () => {
    await client.set(key('new'), 3);
    await migration.cancel();
    expect(await client.mget(key('gone'), key('here'), key('new'))).toEqual(['1', '2', '3']);
    migration = await cluster.beginSlotMigration(keySlot(tag), from, to);
  });
});

describe('the order of commands in a slot', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    client = new ClusterClient({ nodes: cluster.seeds });
    await client.connect();
  });

  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  it('is kept while the former node has unanswered commands and the new one is already known', async () => {
    const key = (name: string): string => `{order}${name}`;
    const slot = keySlot('order');
    const from = await cluster.primaryOfSlot(slot);
    const to = cluster.primaries.find((node) => node !== from)!;
    await cluster.command(from, 'CLIENT', 'PAUSE', '60000', 'WRITE');
    const answers: string[] = [];
    const push = (value: string): Promise<unknown> =>
      client.rpush(key('list'), value).then((length) => answers.push(`${value}: ${length}`));
    const early = [push('1'), push('2')];
    await eventually(async () => String(await cluster.command(from, 'CLIENT', 'LIST')).includes('cmd=rpush'));
    await cluster.migrateSlots([slot], from, to);
    await client.refreshTopology();
    expect(client.topology.nodeForSlot(slot)?.port).toBe(to.port);
    const late = [push('3'), push('4')];
    // the new node serves whatever owes nothing to that order
    const free = Array.from({ length: 100 }, (_, i) => `free-${i}`);
    const known = free.filter((name) => client.topology.nodeForKey(name)?.port === to.port);
    expect(await Promise.all(known.map((name) => client.set(name, 1)))).toEqual(known.map(() => 'OK'));
    expect(answers).toEqual([]);

    await cluster.command(from, 'CLIENT', 'UNPAUSE');
    await Promise.all([...early, ...late]);
    expect(await client.lrange(key('list'), 0, -1)).toEqual(['1', '2', '3', '4']);
    expect(answers).toEqual(['1: 1', '2: 2', '3: 3', '4: 4']);
  });

  it('is kept if the first calls were postponed and the node serves again', async () => {
    const victim = cluster.primaries[0];
    const missing = client.topology.primaries.find(({ port }) => port === victim.port)!.slots[0][0];
    const keys = Array.from({ length: 1_000 }, (_, i) => `put-off-${i}`)
      .filter((key) => client.topology.nodeForKey(key)?.port === victim.port && keySlot(key) !== missing)
      .slice(0, 100);
    expect(keys).toHaveLength(100);
    const refusals = async (): Promise<number> => {
      const stats = String(await cluster.command(victim, 'INFO', 'errorstats'));
      return Number(/errorstat_CLUSTERDOWN:count=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    await cluster.command(victim, 'CLUSTER', 'DELSLOTS', String(missing));
    await eventually(async () =>
      String(await cluster.command(victim, 'CLUSTER', 'INFO')).includes('cluster_state:fail'),
    );
    const before = await refusals();
    const pushes = keys.map((key) => client.rpush(key, '1'));
    // often enough that the pauses between the attempts are long ones
    await eventually(async () => (await refusals()) > before + keys.length * 6, { timeoutMs: 30_000 });
    await cluster.command(victim, 'CLUSTER', 'ADDSLOTS', String(missing));
    pushes.push(...keys.map((key) => client.rpush(key, '2')));
    await Promise.all(pushes);
    const lists = await Promise.all(keys.map((key) => client.lrange(key, 0, -1)));
    expect(lists).toEqual(keys.map(() => ['1', '2']));
  });
});
