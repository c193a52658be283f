import { ClusterClient, keySlot, Script, type ClusterClientOptions } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';

const PASSWORD = 'of-the-application';

// T6: the rights that docs/security.md names are enough, feature by feature, and the client tries no others
describe('a user with minimal permissions', () => {
  let cluster: LocalCluster;
  const clients: ClusterClient[] = [];

  beforeAll(async () => {
    cluster = await LocalCluster.start();
  });
  afterAll(() => cluster?.stop());
  afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));

  const everywhere = (command: string, ...args: string[]): Promise<unknown[]> =>
    Promise.all(cluster.nodes.map((node) => cluster.command(node, command, ...args)));

  /** A client of a user that may run these commands only. */
  async function allowedTo(commands: string, options: ClusterClientOptions = {}): Promise<ClusterClient> {
    await everywhere(
      'ACL',
      'SETUSER',
      'app',
      'reset',
      'on',
      `>${PASSWORD}`,
      '~*',
      '&*',
      '-@all',
      '+cluster|myid',
      ...commands.split(' '),
    );
    await everywhere('ACL', 'LOG', 'RESET');
    const client = new ClusterClient({
      nodes: cluster.seeds,
      username: 'app',
      password: PASSWORD,
      ...options,
    });
    clients.push(client);
    return client;
  }

  /** What the servers have refused, by their own account. */
  const refused = async (): Promise<string[]> => {
    const logs = (await everywhere('ACL', 'LOG')) as unknown[][][];
    return logs.flat().map((entry) => String(entry[entry.indexOf('object') + 1]));
  };

  const ofOneSlot = async (): Promise<{ key: string; from: LocalNode; to: LocalNode }> => {
    const [from, to] = cluster.primaries;
    for (let i = 0; ; i++)
      if ((await cluster.primaryOfSlot(keySlot(`k${i}`))) === from) return { key: `k${i}`, from, to };
  };

  it('is not asked for CLUSTER MYID forever', async () => {
    const client = await allowedTo('+cluster|slots -cluster|myid +get +set +blpop');
    await client.connect();
    const known = new Set(await refused());
    expect(known).toEqual(new Set(['cluster|myid']));
    await everywhere('ACL', 'LOG', 'RESET');
    await everywhere('CLIENT', 'KILL', 'USER', 'app');
    for (let i = 0; i < 50; i++) expect(await client.set(`k${i}`, i)).toBe('OK');
    expect(await client.blpop('list', 0.01)).toBeNull();
    expect(await refused()).toEqual([]);
  });

  it('connects and runs permitted commands with CLUSTER SLOTS and CLUSTER MYID alone', async () => {
    const client = await allowedTo('+cluster|slots +get +set +mget +incr +blpop');
    await client.connect();
    expect(client.topology.coveredSlots).toBe(16_384);
    for (let i = 0; i < 50; i++) expect(await client.set(`k${i}`, i)).toBe('OK');
    expect(await client.mget('{k1}', 'k1')).toEqual([null, '1']);
    expect(await client.pipeline().get('k1').get('k2').exec()).toEqual([
      [null, '1'],
      [null, '2'],
    ]);
    expect(await client.blpop('list', 0.01)).toBeNull();
    await client.refreshTopology();
    expect(await refused()).toEqual([]);
    // everything else is the server's to refuse
    for (const call of [
      () => client.config('GET', '*'),
      () => client.call('command', 'count'),
      () => client.info(),
      () => client.del('k1'),
      () => client.call('nosuch.command', 'k1'),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: expect.stringMatching(/NOPERM|ERR|PARTIAL_FAILURE/),
      });
    }
    await expect(client.dbsize()).rejects.toMatchObject({ code: 'PARTIAL_FAILURE' });
    expect(await client.get('k1')).toBe('1');
  });

  it('follows slots that move, with ASKING', async () => {
    const client = await allowedTo('+cluster|slots +asking +get +set +rpush +blpop');
    const { key, from, to } = await ofOneSlot();
    await client.set(key, 'v');
    const list = `${key}{${key}}`;
    await client.rpush(list, 'a', 'b');
    const migration = await cluster.beginSlotMigration(keySlot(key), from, to);
    await migration.moveKeys();
    expect(await client.get(key)).toBe('v');
    expect(await client.blpop(list, 1)).toEqual([list, 'a']);
    await migration.finish();
    expect(await client.get(key)).toBe('v');
    expect(await client.blpop(list, 1)).toEqual([list, 'b']);
    await cluster.migrateSlots([keySlot(key)], to, from);
    expect(await refused()).toEqual([]);
  });

  it('reads from replicas, with READONLY and READWRITE', async () => {
    const client = await allowedTo('+cluster|slots +readonly +readwrite +get +set +info', {
      readFrom: 'replica',
    });
    const { key } = await ofOneSlot();
    await client.set(key, 'from-replica');
    await eventually(async () => (await client.get(key)) === 'from-replica');
    expect(await refused()).toEqual([]);
  });

  it('reads from primaries instead if READONLY is not permitted', async () => {
    const client = await allowedTo('+cluster|slots +get +set', { readFrom: 'replica' });
    const { key } = await ofOneSlot();
    await client.set(key, 'from-primary');
    expect(await client.get(key)).toBe('from-primary');
  });

  it('scans, with SCAN and CLUSTER NODES', async () => {
    const client = await allowedTo('+cluster|slots +cluster|nodes +scan +set +hset +hscan');
    await client.set('scanned', 'v');
    const keys: string[] = [];
    for await (const key of client.scanIterator({ match: 'scanned' })) keys.push(key);
    expect(keys).toEqual(['scanned']);
    await client.hset('hash', 'f', 'v');
    for await (const pair of client.hscanIterator('hash')) expect(pair).toEqual(['f', 'v']);
    expect(await refused()).toEqual([]);
  });

  it('runs transactions, with MULTI, EXEC, DISCARD, WATCH and UNWATCH', async () => {
    const client = await allowedTo('+cluster|slots +multi +exec +discard +watch +unwatch +get +set');
    expect(await client.multi().set('{t}', 'v').get('{t}').exec()).toEqual([
      [null, 'OK'],
      [null, 'v'],
    ]);
    expect(
      await client.transaction(['{t}'], async (tx) => tx.multi().set('{t}', `${await tx.get('{t}')}!`)),
    ).toEqual([[null, 'OK']]);
    expect(await client.transaction(['{t}'], (tx) => tx.get('{t}'))).toBe('v!');
    expect(await refused()).toEqual([]);
  });

  it('runs scripts, with EVAL and EVALSHA', async () => {
    const client = await allowedTo('+cluster|slots +eval +evalsha +get +set');
    const script = new Script(`redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])`);
    expect(await client.runScript(script, ['script'], ['v'])).toBe('v');
    expect(await refused()).toEqual([]);
  });

  it('publishes and subscribes, with the pub/sub commands', async () => {
    const client = await allowedTo(
      '+cluster|slots +publish +spublish +subscribe +psubscribe +ssubscribe +unsubscribe +punsubscribe +sunsubscribe +ping',
      { heartbeatMs: 50 },
    );
    const heard = new Set<unknown>();
    const { pubsub } = client;
    const hear = (kind: string) => (message: { payload: unknown }) =>
      heard.add(`${kind}: ${String(message.payload)}`);
    const subscriptions = [
      pubsub.channel('c').subscribe(hear('channel')),
      pubsub.pattern('c*').subscribe(hear('pattern')),
      pubsub.sharded('s').subscribe(hear('sharded')),
    ];
    await eventually(async () => {
      await pubsub.publish('c', 'x');
      await pubsub.publishSharded('s', 'y');
      return heard.size === 3;
    });
    expect(heard).toEqual(new Set(['channel: x', 'pattern: x', 'sharded: y']));
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(await refused()).toEqual([]);
  });

  it('receives the rejection of a single node from that node', async () => {
    const client = await allowedTo('+cluster|slots +dbsize +get');
    await client.connect();
    const [node] = cluster.primaries;
    await cluster.command(node, 'ACL', 'SETUSER', 'app', '-dbsize');
    const error: unknown = await client.dbsize().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'PARTIAL_FAILURE', applied: 'unknown' });
    const { replies, errors } = error as { replies: Map<string, unknown>; errors: Map<string, Error> };
    expect([...errors]).toEqual([[node.name, expect.objectContaining({ code: 'NOPERM' })]]);
    expect([...replies.keys()].toSorted()).toEqual(
      cluster.primaries
        .filter((other) => other !== node)
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  it('is rejected if CLUSTER SLOTS is not permitted, with the missing permission', async () => {
    const client = await allowedTo('+get +set');
    await expect(client.connect()).rejects.toMatchObject({
      code: 'AUTHENTICATION_FAILED',
      message: expect.stringContaining('+cluster|slots'),
    });
  });
});
