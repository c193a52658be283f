import { ClusterClient, InvalidArgumentError, keySlot, ReplyError } from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';
import { FakeNode, slotsReply } from '../../fake-node.js';

const KEYS = 100_000;

describe('a cluster of three primaries with a replica each', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;
  const names = Array.from({ length: KEYS }, (_, i) => `key:${i}`);

  breakableCluster({ nodeTimeoutMs: 1_000 }, async (whole) => {
    cluster = whole;
    client = new ClusterClient({ nodes: cluster.seeds });
    const pipeline = client.pipeline();
    for (const name of names) pipeline.set(name, 1);
    await pipeline.exec();
    await client.wait(1, 10_000);
    return () => client.disconnect();
  });

  /** All that a walk gives, in its order. */
  async function all<T>(walk: AsyncIterable<T>): Promise<T[]> {
    const given: T[] = [];
    for await (const one of walk) given.push(one);
    return given;
  }

  const missing = (given: Iterable<string>): string[] => {
    const seen = new Set(given);
    return names.filter((name) => !seen.has(name));
  };

  const calls = async (command: string): Promise<number> => {
    const stats = cluster.nodes.map(async (node) =>
      String(await cluster.command(node, 'INFO', 'commandstats')),
    );
    const counts = (await Promise.all(stats)).map(
      (text) => new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(text)?.[1],
    );
    return counts.reduce((sum, count) => sum + Number(count ?? 0), 0);
  };

  // F6, F7
  describe('that does not change', () => {
    it('returns every key once', async () => {
      const given = await all(client.scanIterator({ count: 1_000 }));
      expect(given).toHaveLength(KEYS);
      expect(missing(given)).toEqual([]);
    });

    it('returns matching keys of a type', async () => {
      expect((await all(client.scanIterator({ match: 'key:12?', count: 5_000 }))).toSorted()).toEqual(
        Array.from({ length: 10 }, (_, i) => `key:12${i}`),
      );
      await client.hset('some:hash', 'f', 'v');
      await client.rpush('some:list', 'v');
      expect(await all(client.scanIterator({ type: 'hash', count: 5_000 }))).toEqual(['some:hash']);
      expect(await all(client.scanIterator({ match: 'some:*', type: 'list', count: 5_000 }))).toEqual([
        'some:list',
      ]);
      expect(await all(client.scanIterator({ match: 'nothing*', count: 5_000 }))).toEqual([]);
      expect(await client.del('some:hash', 'some:list')).toBe(2);
    });

    it('returns keys that are not valid text as text', async () => {
      const binary = Array.from({ length: 20 }, (_, i) => Buffer.from([0xff, 0xfe, i, 0x80]));
      await Promise.all(binary.map((key) => client.set(key, 1)));
      const given = await all(client.scanIterator({ count: 1_000 }));
      expect(given).toHaveLength(KEYS + binary.length);
      const foreign = given.filter((key) => !key.startsWith('key:'));
      expect(foreign.toSorted()).toEqual(binary.map(String).toSorted());
      await Promise.all(binary.map((key) => client.del(key)));
    });

    it('returns every byte of keys as Buffers', async () => {
      const binary = Array.from({ length: 20 }, (_, i) => Buffer.from([0xff, 0xfe, i, 0x80]));
      await Promise.all(binary.map((key) => client.set(key, 1)));
      const foreign = (keys: Buffer[]): Buffer[] =>
        keys.filter((key) => key[0] === 0xff).toSorted((a, b) => a.compare(b));
      expect(foreign(await all(client.scanBufferIterator({ count: 1_000 })))).toEqual(binary);
      const pages = await all<Buffer[]>(client.scanBufferStream({ count: 1_000 }));
      expect(foreign(pages.flat())).toEqual(binary);
      expect(await client.del(...binary)).toBe(binary.length);
    });

    it('requests pages of the given size, and no more once the caller has enough', async () => {
      const before = await calls('scan');
      for await (const key of client.scanIterator({ count: 10 })) {
        expect(key).toMatch(/^key:/);
        break;
      }
      expect((await calls('scan')) - before).toBe(1);
      const walk = client.scanIterator({ count: 50_000 });
      await all(walk);
      expect((await calls('scan')) - before).toBeLessThan(10);
    });

    it('streams pages', async () => {
      const pages = await all<string[]>(client.scanStream({ count: 1_000, match: 'key:*' }));
      expect(pages.length).toBeGreaterThan(20);
      expect(missing(pages.flat())).toEqual([]);

      const stream = client.scanStream({ count: 10 });
      const received: string[][] = [];
      const closed = new Promise((resolve) => stream.once('close', resolve));
      stream.on('data', (page: string[]) => {
        received.push(page);
        stream.close();
      });
      await closed;
      expect(received).toHaveLength(1);
    });

    it('passes errors to a stream', async () => {
      await client.set('text', 'v');
      const stream = client.hscanStream('text');
      const error = new Promise((resolve) => stream.once('error', resolve));
      stream.resume();
      expect(await error).toMatchObject({ code: 'WRONGTYPE' });
      await client.del('text');
    });

    it('rejects an invalid count', async () => {
      for (const count of [0, -1, 1.5, Number.NaN]) {
        await expect(all(client.scanIterator({ count }))).rejects.toBeInstanceOf(InvalidArgumentError);
      }
    });

    it('leaves the scan of a single node to target()', async () => {
      const [node] = client.topology.primaries;
      const [cursor, page] = await client.target(node).scan(0);
      expect(cursor).toMatch(/^[1-9]\d*$/);
      expect(page.length).toBeGreaterThan(0);
    });

    it('returns the keys of a prefix as they are stored', async () => {
      const prefixed = new ClusterClient({ nodes: cluster.seeds, keyPrefix: 'key:' });
      expect(await all(prefixed.scanIterator({ match: 'key:1234', count: 5_000 }))).toEqual(['key:1234']);
      await prefixed.close();
    });
  });

  describe('scan(), page by page', () => {
    /** As callers of ioredis walk: on and on, until the cursor is '0' again. */
    const walk = async (
      words: (string | number)[] = [],
      between: (pages: number) => Promise<void> | void = () => {},
    ): Promise<string[]> => {
      const given: string[] = [];
      let cursor = '0';
      let pages = 0;
      do {
        const [next, keys] = (await client.call('SCAN', cursor, ...words)) as [string, string[]];
        given.push(...keys);
        cursor = next;
        await between(++pages);
      } while (cursor !== '0');
      return given;
    };

    it('returns every key of the cluster once', async () => {
      const given = await walk(['COUNT', 1_000]);
      expect(given).toHaveLength(KEYS);
      expect(missing(given)).toEqual([]);
    });

    it('accepts the arguments of SCAN, and a callback', async () => {
      await client.hset('some:hash', 'f', 'v');
      expect(await walk(['MATCH', 'some:*', 'COUNT', 9_000])).toEqual(['some:hash']);
      expect(await walk(['count', 9_000, 'type', 'hash'])).toEqual(['some:hash']);
      expect(await walk(['MATCH', 'nothing', 'COUNT', 9_000])).toEqual([]);
      const told = await new Promise<unknown>((resolve) => {
        void client.scan('0', 'MATCH', 'key:*', (error, page) => resolve(error ?? page?.[1].length));
      });
      expect(told).toBeGreaterThan(0);
      await expect(client.call('scan', '0', 'NONSENSE')).rejects.toBeInstanceOf(ReplyError);
      await client.del('some:hash');
    });

    it('returns every byte of keys and cursors as Buffers', async () => {
      const binary = Buffer.from([0xff, 0xfe, 0x80]);
      await client.set(binary, 1);
      const given: Buffer[] = [];
      let cursor: Buffer | string = '0';
      do {
        const page: [Buffer, Buffer[]] = await client.scanBuffer(String(cursor), 'COUNT', 2_000);
        given.push(...page[1]);
        [cursor] = page;
        expect(Buffer.isBuffer(cursor)).toBe(true);
      } while (String(cursor) !== '0');
      expect(given).toHaveLength(KEYS + 1);
      expect(given.filter((key) => key.equals(binary))).toHaveLength(1);
      await client.del(binary);
    });

    it('keeps no state: another client can continue from a cursor, repeatedly', async () => {
      const [cursor] = await client.scan('0', 'COUNT', 100);
      const other = client.duplicate();
      const pages = [await other.scan(cursor, 'COUNT', 100), await other.scan(cursor, 'COUNT', 100)];
      expect(pages[0][1].length).toBeGreaterThan(0);
      expect(pages[1]).toEqual(pages[0]);
      await other.close();
    });

    it('rejects foreign cursors', async () => {
      const [cursor] = await client.scan('0', 'COUNT', 100);
      const cut = cursor.slice(0, -3);
      for (const bad of ['17', '', 'abc', '-1', `${cursor}.x`, cut, `${cursor}9`, 'k1.', 'k1.AA', 17]) {
        await expect(client.scan(bad)).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          argument: 'cursor',
        });
      }
    });

    it('returns every key while slots leave and come back between two pages', async () => {
      const [a, b] = cluster.primaries;
      const [[first]] = ((await client.refreshTopology()).node(a.name)?.slots ?? []) as [[number, number]];
      const slots = Array.from({ length: 40 }, (_, i) => first + i);
      const given = await walk(['COUNT', 600], async (pages) => {
        if (pages === 2) await cluster.migrateSlots(slots, a, b);
        if (pages === 30) await cluster.migrateSlots(slots, b, a);
      });
      expect(missing(given)).toEqual([]);
    });

    it('returns every key of a slot that stays halfway', async () => {
      const [a, b] = cluster.primaries;
      const slot = keySlot(names.find((name) => client.topology.nodeForKey(name)?.name === a.name) as string);
      const migration = await cluster.beginSlotMigration(slot, a, b);
      await migration.moveKeys({ limit: 2 });
      expect(missing(await walk(['COUNT', 1_000]))).toEqual([]);
      const given = await walk(['COUNT', 1_000], async (pages) => {
        if (pages === 1) await migration.finish();
      });
      expect(missing(given)).toEqual([]);
      await cluster.migrateSlots([slot], b, a);
    });

    it('returns every key during a failover', async () => {
      const given = await walk(['COUNT', 500], async (pages) => {
        if (pages === 1) await cluster.failover(await replicaOf(cluster.primaries[1]));
      });
      expect(missing(given)).toEqual([]);
      await cluster.waitUntilStable({ timeoutMs: 15_000 });
    });
  });

  // K3
  describe('elements of one key', () => {
    const count = 5_000;
    const elements = Array.from({ length: count }, (_, i) => `e${i}`);

    beforeAll(async () => {
      for (let i = 0; i < count; i += 1_000) {
        const part = elements.slice(i, i + 1_000);
        await client.hset('a:hash', Object.fromEntries(part.map((element) => [element, `v${element}`])));
        await client.sadd('a:set', part);
        await client.zadd('a:zset', ...part.flatMap((element, j) => [i + j, element]));
      }
      await client.wait(1, 10_000);
    });
    afterAll(() => client.del('a:hash', 'a:set', 'a:zset'));

    it('are returned with their values or scores', async () => {
      const fields = await all(client.hscanIterator('a:hash', { count: 500 }));
      expect(Object.fromEntries(fields)).toEqual(
        Object.fromEntries(elements.map((element) => [element, `v${element}`])),
      );
      expect(new Set(await all(client.sscanIterator('a:set', { count: 500 })))).toEqual(new Set(elements));
      const scores = await all(client.zscanIterator('a:zset', { count: 500 }));
      expect(Object.fromEntries(scores)).toEqual(
        Object.fromEntries(elements.map((element, i) => [element, String(i)])),
      );
    });

    it('that match', async () => {
      expect(await all(client.hscanIterator('a:hash', { match: 'e77', count: 5_000 }))).toEqual([
        ['e77', 've77'],
      ]);
      expect(await all(client.sscanIterator('a:set', { match: 'e77', count: 5_000 }))).toEqual(['e77']);
      expect(await all(client.zscanIterator('a:zset', { match: 'e77', count: 5_000 }))).toEqual([
        ['e77', '77'],
      ]);
    });

    it('are streamed', async () => {
      const flat = async (stream: AsyncIterable<string[]>): Promise<string[]> => (await all(stream)).flat();
      expect(await flat(client.hscanStream('a:hash', { count: 500 }))).toHaveLength(2 * count);
      expect(await flat(client.sscanStream('a:set', { count: 500 }))).toHaveLength(count);
      expect(await flat(client.zscanStream('a:zset', { count: 500 }))).toHaveLength(2 * count);
    });

    it('are returned byte for byte as Buffers', async () => {
      const key = Buffer.from([0x7b, 0xff, 0x7d]);
      const element = Buffer.from([0xc3, 0x00, 0xff]);
      const flat = async (stream: AsyncIterable<Buffer[]>): Promise<Buffer[]> => (await all(stream)).flat();
      await client.hset(key, element, element);
      expect(await all(client.hscanBufferIterator(key))).toEqual([[element, element]]);
      expect(await flat(client.hscanBufferStream(key))).toEqual([element, element]);
      await client.del(key);
      await client.sadd(key, element);
      expect(await all(client.sscanBufferIterator(key))).toEqual([element]);
      expect(await flat(client.sscanBufferStream(key))).toEqual([element]);
      await client.del(key);
      await client.zadd(key, 1.5, element);
      expect(await all(client.zscanBufferIterator(key))).toEqual([[element, Buffer.from('1.5')]]);
      expect(await flat(client.zscanBufferStream(key))).toEqual([element, Buffer.from('1.5')]);
      await client.del(key);
    });

    it('are empty if there is no key, and an error if it has another type', async () => {
      expect(await all(client.hscanIterator('a:nothing'))).toEqual([]);
      await expect(all(client.hscanIterator('a:set'))).rejects.toBeInstanceOf(ReplyError);
    });

    it('are complete although reads go to different nodes', async () => {
      const view = client.with({ readFrom: 'roundRobin' });
      for (let i = 0; i < 3; i++) {
        expect(new Set(await all(view.sscanIterator('a:set', { count: 100 }))).size).toBe(count);
      }
    });

    it.each(['half-way', 'all the way'])(
      'are complete although the slot moves meanwhile, %s',
      async (distance) => {
        const slot = keySlot('a:set');
        const from = await cluster.primaryOfSlot(slot);
        const to = cluster.primaries.find((node) => node !== from) as LocalNode;
        const seen = new Set<string>();
        let pages = 0;
        for await (const page of client.sscanStream('a:set', { count: 100 }) as AsyncIterable<string[]>) {
          for (const element of page) seen.add(element);
          if (++pages !== 5) continue;
          const migration = await cluster.beginSlotMigration(slot, from, to);
          await migration.moveKeys();
          if (distance === 'all the way') await migration.finish();
        }
        expect(seen.size).toBe(count);
        if (distance === 'half-way') await (await cluster.beginSlotMigration(slot, from, to)).finish();
        await cluster.migrateSlots([slot], to, from);
      },
    );

    it('are complete although another node takes over meanwhile', async () => {
      await cluster.waitUntilStable({ timeoutMs: 15_000 });
      const primary = await cluster.primaryOfSlot(keySlot('a:set'));
      const seen = new Set<string>();
      let pages = 0;
      for await (const page of client.sscanStream('a:set', { count: 100 }) as AsyncIterable<string[]>) {
        for (const element of page) seen.add(element);
        if (++pages === 5) await cluster.failover(await replicaOf(primary));
      }
      expect(seen.size).toBe(count);
    });
  });

  const replicaOf = async (primary: LocalNode): Promise<LocalNode> => {
    const lines = String(await cluster.command(primary, 'CLUSTER', 'REPLICAS', primary.id));
    return cluster.replicas.find((node) => lines.includes(node.id)) as LocalNode;
  };

  // F7, and issue 3: every key that existed throughout is given
  describe('that changes', () => {
    const someSlotsOf = async (node: LocalNode, count: number): Promise<number[]> => {
      const [[first]] = ((await client.refreshTopology()).node(node.name)?.slots ?? []) as [[number, number]];
      return Array.from({ length: count }, (_, i) => first + i);
    };

    it('returns every key while slots move back and forth', async () => {
      const [a, b, c] = cluster.primaries;
      const [ofA, ofB] = [await someSlotsOf(a, 30), await someSlotsOf(b, 30)];
      let [done, rounds] = [false, 0];
      const moving = (async () => {
        while (!done) {
          await cluster.migrateSlots(ofA, a, b);
          await cluster.migrateSlots(ofB, b, c);
          await cluster.migrateSlots(ofA, b, a);
          await cluster.migrateSlots(ofB, c, b);
          rounds++;
        }
      })().finally(() => (done = true));
      const missed: string[] = [];
      for (let scans = 0; missed.length === 0 && !done && (scans < 4 || rounds === 0); scans++)
        missed.push(...missing(await all(client.scanIterator({ count: 300 }))));
      done = true;
      await moving; // goes on beside the tests that follow otherwise, and fails them too
      const isThere = await Promise.all(missed.map((key) => client.exists(key)));
      // a key that the servers lost on the way is no key that the scan missed
      expect({
        lostByServers: missed.filter((_, i) => isThere[i] === 0),
        missedByScan: missed.filter((_, i) => isThere[i] === 1),
      }).toEqual({ lostByServers: [], missedByScan: [] });
    });

    // a slot that was away and is back by the end of a walk looks as if it had never moved
    it('returns every key of slots that leave and come back between two pages', async () => {
      const [a, b] = cluster.primaries;
      const slots = await someSlotsOf(a, 40);
      for (let round = 0; round < 3; round++) {
        const given: string[] = [];
        let pages = 0;
        for await (const page of client.scanStream({ count: 600 }) as AsyncIterable<string[]>) {
          given.push(...page);
          pages++;
          if (pages === 2) await cluster.migrateSlots(slots, a, b);
          if (pages === 30) await cluster.migrateSlots(slots, b, a);
        }
        expect(pages).toBeGreaterThan(30);
        expect(missing(given)).toEqual([]);
      }
    });

    // the receiver had the highest epoch already, so it takes the slot without a new one
    it('returns every key of a slot that returns as soon as it has arrived', async () => {
      const [a, b] = cluster.primaries;
      const [toRaise, slot] = await someSlotsOf(a, 2);
      const keys = names.filter((name) => keySlot(name) === slot);
      expect(keys.length).toBeGreaterThan(1);
      await cluster.migrateSlots([toRaise], a, b);
      const there = await cluster.beginSlotMigration(slot, a, b);
      await there.moveKeys();
      let back: typeof there | undefined;
      const given: string[] = [];
      let cursor = '0';
      do {
        const [next, page] = await client.scan(cursor, 'COUNT', 500);
        given.push(...page);
        cursor = next;
        // once the giver was walked, the cursor names both: the receiver comes next
        if (back === undefined && next.includes(a.id) && next.includes(b.id)) {
          await there.finish();
          back = await cluster.beginSlotMigration(slot, b, a);
          await back.moveKeys();
        }
      } while (cursor !== '0');
      expect(back).toBeDefined();
      expect(missing(given)).toEqual([]);
      await back?.finish();
      await cluster.migrateSlots([toRaise], b, a);
    });

    it('returns every key of a slot that stays halfway', async () => {
      const [a, b] = cluster.primaries;
      const slots = await someSlotsOf(a, 200);
      const crowded = slots.find(
        (slot) => names.filter((name) => keySlot(name) === slot).length > 3,
      ) as number;
      const migration = await cluster.beginSlotMigration(crowded, a, b);
      await migration.moveKeys({ limit: 2 });
      for (let i = 0; i < 3; i++)
        expect(missing(await all(client.scanIterator({ count: 1_000 })))).toEqual([]);
      // and where it goes on meanwhile
      const given: string[] = [];
      for await (const page of client.scanStream({ count: 500 }) as AsyncIterable<string[]>) {
        if (given.length === 0) await migration.finish();
        given.push(...page);
      }
      expect(missing(given)).toEqual([]);
      await cluster.migrateSlots([crowded], b, a);
    });

    it('returns every key during a failover', async () => {
      const given: string[] = [];
      for await (const page of client.scanStream({ count: 500 }) as AsyncIterable<string[]>) {
        if (given.length === 0) await cluster.failover(await replicaOf(cluster.primaries[2]));
        given.push(...page);
      }
      expect(missing(given)).toEqual([]);
    });

    it('returns every key although a primary dies', async () => {
      await client.wait(1, 10_000);
      const [victim] = cluster.primaries;
      const given: string[] = [];
      let pages = 0;
      for await (const page of client.scanStream({ count: 500 }) as AsyncIterable<string[]>) {
        if (++pages === 5) await cluster.kill(victim);
        given.push(...page);
      }
      expect(missing(given)).toEqual([]);
      await cluster.restart(victim);
    });
  });
});

it('waits for a node that is loading', async () => {
  const node = await FakeNode.start();
  let loading = 2;
  node.become(([name, word]) => {
    const own = `${'0'.repeat(40)} ${node.name}@1 myself,master - 0 0 1 connected 0-16383\n`;
    if (name.toLowerCase() === 'cluster' && word.toLowerCase() === 'nodes')
      return `$${own.length}\r\n${own}\r\n`;
    if (name.toLowerCase() === 'cluster') return slotsReply([0, 16_383, node]);
    if (name.toLowerCase() !== 'scan') return undefined;
    return loading-- > 0
      ? '-LOADING Redis is loading the dataset in memory\r\n'
      : '*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n';
  });
  const client = new ClusterClient({ nodes: [node] });
  const given: string[] = [];
  for await (const key of client.scanIterator()) given.push(key);
  expect(given).toEqual(['k']);
  client.disconnect();
  await eventually(() => node.open === 0);
  await node.stop();
});
