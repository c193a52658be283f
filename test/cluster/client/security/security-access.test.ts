import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { firstValueFrom, type Observable } from 'rxjs';
import {
  type Related,
  HasMany,
  ClusterClient,
  ClusterEntity,
  createRepositories,
  ExpiresAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Script,
  SetOf,
  Shape,
  Unique,
  UnsupportedServerFeatureError,
  type ClusterClientOptions,
  type ClusterSet,
} from 'keyslot';
import { ClusterKeyvStore } from 'keyslot/cache';
import { checkClusterHealth } from 'keyslot/health';
import { LocalCluster } from 'keyslot/testing';
import { ClusterThrottlerStorage } from 'keyslot/throttler';
import { eventually } from '../../../cluster-fixture.js';
import { root, snippetsOf } from '../../../docs-snippets.js';

const PAGE = 'docs/security.md';
const [rule, tlsSnippet, shownSnippet] = snippetsOf(PAGE);
const PASSWORD = 'of-the-application';

@ClusterEntity({ name: 'Order', idempotency: 'window' })
class Order {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() note?: string;
  @SetOf(String) tags!: ClusterSet<string>;
}

@ClusterEntity({ name: 'Line', partition: () => Order })
class Line {
  declare readonly [Shape]: { key: 'orderId' | 'id'; indexed: 'sku' | 'state' };
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() sku?: string;
  @Index() @Property() state?: string;
}

@ClusterEntity({ name: 'User' })
class User {
  declare readonly [Shape]: { key: 'id'; indexed: 'email' | 'team' };
  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() email?: string;
  @Index({ scope: 'global' }) @Property() team?: string;
}

@ClusterEntity({ name: 'Cart', changes: true })
class Cart {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() owner?: string;
}

@ClusterEntity({ name: 'Room' })
class Room {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @ExpiresAt() at?: Date;
}

@ClusterEntity({ name: 'Seat', partition: () => Room })
class Seat {
  declare readonly [Shape]: { key: 'roomId' | 'id'; indexed: 'holder' };
  @PartitionKey() roomId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() holder?: string;
  @ExpiresAt() at?: Date;
}

@ClusterEntity({ name: 'Hall' })
class Hall {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @HasMany(() => Chair, { cascade: 'delete' }) chairs!: Related<Chair[]>;
}

@ClusterEntity({ name: 'Chair', partition: () => Hall })
class Chair {
  declare readonly [Shape]: { key: 'hallId' | 'id'; indexed: 'holder' };
  @PartitionKey() hallId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() holder?: string;
  @SetOf(String) marks!: ClusterSet<string>;
}

@ClusterEntity({ name: 'Login' })
class Login {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property({ ttl: '1h' }) code?: string;
  @Property() note?: string;
}

type Scenario = (client: ClusterClient) => Promise<unknown>;

/** What the message of a subscription is worth: it came. */
async function heard(messages: Observable<unknown>, say: () => Promise<unknown>): Promise<void> {
  let done = false;
  const first = firstValueFrom(messages).finally(() => (done = true));
  await Promise.race([first, eventually(() => done || say().then(() => false))]);
  await first;
}

/** The commands of the row in use that the servers do not know. */
let unknown: string[] = [];

/** Uses each feature of the page's table, with nothing but the rights of its row. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'commands and pipelines': async (client) => {
    await client.set('app:a', 1);
    await client.pipeline().set('app:b', 2).get('app:a').exec();
    await client.mget('app:{a}1', 'app:{a}2');
    await client.refreshTopology();
  },
  'blocking commands': (client) => client.blpop('app:list', 0.01),
  'their connections with `clientName`': (client) =>
    client.duplicate({ clientName: 'shop' }).blpop('app:list', 0.01),
  '`multi()`': (client) => client.multi().set('app:{m}', 1).get('app:{m}').exec(),
  '`transaction()`': async (client) => {
    await client.transaction(['app:{t}'], async (tx) => {
      await tx.get('app:{t}');
      return tx.multi().set('app:{t}', 1);
    });
    await client.transaction(['app:{t}'], (tx) => tx.get('app:{t}'));
  },
  scripts: async (client) => {
    const lua = `redis.call('SET', KEYS[1], ARGV[1]) return '${Math.random()}'`;
    await client.runScript(new Script(lua), ['app:s'], ['v']);
  },
  'scripts that only read': async (client) => {
    const lua = `redis.call('GET', KEYS[1]) return '${Math.random()}'`;
    await client.runScript(new Script(lua, true), ['app:s'], []);
  },
  '`readFrom` other than `primary`': (client) => {
    const reader = client.with({ readFrom: 'replica' });
    return eventually(async () => (await reader.get('app:a')) === '1');
  },
  '`durability`, `wait`': (client) =>
    client.with({ durability: { replicas: 1, timeoutMs: 5_000 } }).set('app:d', 1),
  '`scan`, `scanIterator` and its like': async (client) => {
    expect(await client.scan('0', 'MATCH', 'app:a')).toHaveLength(2);
    for await (const key of client.scanIterator({ match: 'app:a' })) expect(key).toBe('app:a');
  },
  channels: (client) =>
    heard(client.pubsub.channel('app:news'), () => client.pubsub.publish('app:news', 'x')),
  patterns: (client) => heard(client.pubsub.pattern('app:*'), () => client.pubsub.publish('app:news', 'x')),
  'sharded channels': (client) =>
    heard(client.pubsub.sharded('app:news'), () => client.pubsub.publishSharded('app:news', 'x')),
  'keyspace events': (client) =>
    heard(client.pubsub.keyspace({ pattern: 'app:*' }), () => client.set('app:k', 1)),
  entities: async (client) => {
    const orders = createRepositories(client, [Order, Line]).repository(Order);
    const id = `o${Math.random()}`;
    const order = await orders.insert(orders.create({ id, note: 'a' }));
    order.note = 'b';
    await orders.save(order);
    await orders.update(id, { note: 'c' });
    await orders.findOneOrFail(id);
    await orders.findMany([id]);
    await orders.exists(id);
    await orders.transaction(id, async (tx) => {
      const found = await tx.get(Order, id);
      found!.note = 'd';
      tx.save(found!);
    });
    await orders.delete(id);
  },
  'indexes and unique constraints': async (client) => {
    const lines = createRepositories(client, [Order, Line]).repository(Line);
    const orderId = `i${Math.random()}`;
    await lines.insert(lines.create({ orderId, id: '1', sku: 'ink', state: 'new' }));
    await lines.update({ orderId, id: '1' }, { sku: 'pen', state: 'packed' });
    await lines.findBy({ orderId, state: 'packed' });
    await lines.findOneBy({ orderId, sku: 'pen' });
    await lines.countBy({ orderId, state: 'packed' });
    await lines.transaction(orderId, (tx) => tx.find(Line, { orderId, state: 'packed' }));
    await lines.delete({ orderId, id: '1' });
  },
  'maintenance of rows in partitions': async (client) => {
    const seats = createRepositories(client, [Room, Seat]).repository(Seat);
    const roomId = `u${Math.random()}`;
    const key = { roomId, id: '1' };
    const faultsOf = async (): Promise<string[]> => {
      const faults: string[] = [];
      for await (const { fault } of seats.verifyIndexes({ partition: roomId })) faults.push(fault);
      return faults;
    };
    await seats.insert(seats.create({ ...key, holder: 'a' }));
    // What another program leaves: a note and entries that are wrong, missing or extra, and a row that is kept for good.
    const at = String(Date.now() + 600_000);
    await client.hset(seats.keyOf(key), 'holder', 'b', '~x', at, '~i:holder', 'c');
    await client.zadd(`{Room:${roomId}}:Seat~ix`, 0, 'holder\0b\x009');
    await client.hset(`{Room:${roomId}}:Seat~uq`, 'holder\0z', '1');
    expect((await faultsOf()).length).toBeGreaterThan(0);
    for await (const { unresolved } of seats.reindex({ partition: roomId })) expect(unresolved).toEqual([]);
    expect(await faultsOf()).toEqual([]);
    await seats.expire(key, -1);
    expect(await seats.sweepExpired({ partition: roomId })).toEqual({ swept: 1 });
  },
  'relations, whole partitions': async (client) => {
    const registry = createRepositories(client, [Hall, Chair]);
    const [halls, chairs] = [registry.repository(Hall), registry.repository(Chair)];
    const hallId = `h${Math.random()}`;
    await halls.insert(halls.create({ id: hallId }));
    await (await chairs.insert(chairs.create({ hallId, id: '1', holder: 'a' }))).marks.add('x');
    expect((await halls.findOneOrFail(hallId, { with: ['chairs'] })).chairs).toHaveLength(1);
    const lines = [];
    for await (const line of halls.partition(hallId).export()) lines.push(line);
    expect((await halls.partition(hallId).size()).bytes).toBeGreaterThan(0);
    await halls.partition(hallId).delete();
    await halls.partition(hallId).import(lines);
    await halls.delete(hallId);
    expect(await chairs.countBy({ hallId })).toBe(0);
  },
  'rows that expire': async (client) => {
    const registry = createRepositories(client, [Room, Seat]);
    const [rooms, seats] = [registry.repository(Room), registry.repository(Seat)];
    const at = new Date(Date.now() + 600_000);
    const room = await rooms.insert(rooms.create({ id: `r${Math.random()}`, at }));
    await rooms.save(Object.assign(room, { at: undefined }));
    await rooms.expire(room.id, 600_000);
    await rooms.persist(room.id);
    const key = { roomId: room.id, id: '1' };
    await seats.insert(seats.create({ ...key, holder: 'a', at }));
    await seats.persist(key);
    await seats.expire(key, -1);
    await seats.upsert(seats.create({ ...key, holder: 'b', at }));
    await seats.findOneOrFail(key);
    await seats.delete(key);
  },
  'a collection': async (client) => {
    const orders = createRepositories(client, [Order, Line]).repository(Order);
    const id = `c${Math.random()}`;
    const order = await orders.insert(orders.create({ id }));
    await order.tags.add('a', 'b');
    await order.tags.members();
    await order.tags.delete('a');
  },
  'global indexes and unique constraints': async (client) => {
    const users = createRepositories(client, [User]).repository(User);
    const id = `u${Math.random()}`;
    await users.insert(users.create({ id, email: `${id}@example.org`, team: 'core' }));
    await users.update(id, { email: `${id}@example.net`, team: 'edge' });
    await users.findOneBy({ email: `${id}@example.net` });
    await users.findBy({ team: 'edge' });
    await users.delete(id);
  },
  changes: async (client) => {
    const carts = createRepositories(client, [Cart]).repository(Cart);
    const cart = await carts.insert(carts.create({ id: `w${Math.random()}` }));
    await heard(carts.changes(cart.id), () => carts.update(cart.id, { owner: `${Math.random()}` }));
    await carts.changesCursor();
  },
  locks: async (client) => {
    const carts = createRepositories(client, [Order]).repository(Order);
    await carts.withLock('l', async (lock) => lock.token);
  },
  'a property with a `ttl`': async (client) => {
    const logins = createRepositories(client, [Login]).repository(Login);
    const id = `l${Math.random()}`;
    const inserting = logins.insert(logins.create({ id, code: 'a', note: 'x' }));
    // the only right that the servers do not know is that of the expiry
    if (unknown.length > 0) return expect(inserting).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
    const login = await inserting;
    login.code = 'b';
    await logins.save(login);
    await logins.update(id, { code: null });
    await logins.upsert(logins.create({ id, code: 'c' }));
    await logins.findOneOrFail(id);
    return logins.delete(id);
  },
  'reads from memory': async (client) => {
    await using caching = client.duplicate({ cache: { maxBytes: 100_000, maxStaleMs: 200 } });
    const errors: unknown[] = [];
    caching.on('error', (error) => errors.push(error));
    const view = caching.with({ cache: true });
    await view.get('app:a');
    const expired = performance.now() + 200;
    // by then a check has been answered
    await eventually(async () => {
      await view.get('app:a');
      return performance.now() > expired && caching.cache.stats().hits > 0;
    });
    expect(errors).toEqual([]);
  },
  'the option `database`': async (client) => {
    const one = client.duplicate({ database: 1 });
    one.on('error', () => {});
    // few servers have another database in a cluster: they refuse the number, and not the user
    const error = await one.connect().catch((reason: Error) => reason);
    one.disconnect();
    if (error !== undefined) expect(error).toMatchObject({ cause: { code: 'ERR' } });
  },
  '`keyslot/health`': async (client) => {
    const { status, problems } = await checkClusterHealth(client, { timeoutMs: 5_000 });
    expect([status, problems]).toEqual(['up', []]);
  },
  '`keyslot/cache`': async (client) => {
    const store = new ClusterKeyvStore(client);
    await store.set('a', 'v', 1_000);
    await store.get('a');
    await store.getMany(['a', 'b']);
    await store.delete('a');
    await store.clear();
  },
  '`keyslot/throttler`': (client) =>
    new ClusterThrottlerStorage(client).increment('a', 1_000, 5, 1_000, 'default'),
  '`cluster.admin`, queries': async (client) => {
    const [node] = client.topology.primaries;
    const { admin } = client;
    await admin.info();
    await admin.nodes();
    await admin.replicas(node);
    await admin.slots();
    await admin.shards();
    await admin.links();
    await admin.myId(node);
    await admin.keySlot('k');
    await admin.countKeysInSlot(1);
    await admin.getKeysInSlot(1, 10);
    await admin.countFailureReports(node);
  },
};

/** Rows whose rights are used by topology-permissions.test.ts, and where their features are tested. */
const ELSEWHERE = ['while slots move', 'a node that joins', 'commands of modules', '`cluster.nonAtomic`'];

/** A row of the table: the rights beside +cluster|slots +cluster|myid. */
interface Row {
  readonly feature: string;
  readonly commands: readonly string[];
  readonly keys: readonly string[];
  readonly channels: readonly string[];
}

const rows: Row[] = [...readFileSync(join(root, PAGE), 'utf8').matchAll(/^\| (.*) \|$/gm)]
  .map(([, line]) => line.split(/(?<!\\) \| /).map((cell) => cell.trim().replaceAll('\\|', '|')))
  .filter((cells) => cells.length === 4 && /^`\+/.test(cells[1]))
  .map(([feature, ...cells]) => {
    const [commands, keys, channels] = cells.map((cell) =>
      [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, text]) => text.split(' ')),
    );
    return { feature, commands, keys, channels };
  });

const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');

describe(PAGE, () => {
  let cluster: LocalCluster;
  const clients: ClusterClient[] = [];

  beforeAll(async () => {
    cluster = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 1,
      config: { 'notify-keyspace-events': 'KA', 'acllog-max-len': '1000' },
    });
  });
  afterAll(() => cluster?.stop());
  afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));

  const everywhere = (...words: [string, ...string[]]): Promise<unknown[]> =>
    Promise.all(cluster.nodes.map((node) => cluster.command(node, ...words)));

  /** What the servers have refused, by their own account. */
  const refused = async (): Promise<string[]> => {
    const logs = (await everywhere('ACL', 'LOG', '1000')) as unknown[][][];
    const texts = logs.flat().map((entry) => {
      const field = (name: string): string => String(entry[entry.indexOf(name) + 1]);
      return `${field('reason')} ${field('object')}`;
    });
    return [...new Set(texts)];
  };

  /** Uses a feature as a user with these rights. */
  async function use(row: Row, options: ClusterClientOptions = {}): Promise<unknown> {
    const infos = (await cluster.command(
      cluster.nodes[0],
      'COMMAND',
      'INFO',
      ...row.commands.map((right) => right.slice(1)),
    )) as unknown[];
    unknown = row.commands.filter((_, i) => infos[i] === null);
    const rights = [
      ...row.keys,
      ...row.channels,
      '-@all',
      '+cluster|slots',
      '+cluster|myid',
      ...row.commands.filter((right) => !unknown.includes(right)),
    ];
    await everywhere('ACL', 'SETUSER', 'app', 'reset', 'on', `>${PASSWORD}`, ...rights);
    await everywhere('ACL', 'LOG', 'RESET');
    const client = new ClusterClient({
      nodes: cluster.seeds,
      username: 'app',
      password: PASSWORD,
      ...options,
    });
    client.on('error', () => {});
    clients.push(client);
    await client.connect();
    return SCENARIOS[row.feature](client);
  }

  it('has a row for every feature that is tested here', () => {
    const named = rows.map(({ feature }) => feature).filter((feature) => !ELSEWHERE.includes(feature));
    expect(named).toEqual(Object.keys(SCENARIOS));
  });

  it.each(rows.filter(({ feature }) => feature in SCENARIOS))(
    'names all permissions that $feature need',
    async (row) => {
      const failure = await use(row).then(
        () => undefined,
        (error: Error) => error.message,
      );
      expect({ failure, refused: await refused() }).toEqual({ failure: undefined, refused: [] });
    },
  );

  it('states how to connect by TLS', async () => {
    const tls = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      tls: true,
      users: { app: 'on >rotated ~* &* +@all' },
    });
    const ca = tls.tls?.ca;
    const secret = async (): Promise<string> => 'rotated';
    const connectSecurely = (): ClusterClient => {
      // prettier-ignore
      const secure = new ClusterClient({
        nodes: ['rediss://node-1.example.org:6379'],
        tls: { ca },
        credentialsProvider: async () => ({ username: 'app', password: await secret() }),
      });
      return secure;
    };
    try {
      expect(squeezed(String(connectSecurely))).toContain(squeezed(tlsSnippet.code));
      const secure = connectSecurely().duplicate({ nodes: tls.seeds });
      clients.push(secure);
      expect(await secure.acl('WHOAMI')).toBe('app');
    } finally {
      await tls.stop();
    }
  });

  it('states what errors contain', async () => {
    const client = new ClusterClient({ nodes: cluster.seeds });
    clients.push(client);
    const show = async (): Promise<void> => {
      await client.set('greeting', 'a secret');
      const error = await client.incr('greeting').catch((reason) => reason);
      expect(inspect([error, client], { depth: 9 })).not.toContain('secret');
    };
    expect(squeezed(String(show))).toContain(squeezed(shownSnippet.code));
    await show();
  });

  it('states how to create such a user', async () => {
    const words = rule.code.trim().replaceAll("'", '').replace('>…', `>${PASSWORD}`).split(' ');
    await everywhere(...(words as [string, ...string[]]));
    const client = new ClusterClient({ nodes: cluster.seeds, username: 'app', password: PASSWORD });
    clients.push(client);
    expect(await client.set('app:x', 1)).toBe('OK');
    await expect(client.set('other:x', 1)).rejects.toMatchObject({ code: 'NOPERM' });
  });
});
