import { BasicClientSideCache, createClient } from '@redis/client';
import { ClusterClient } from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { FakeNode, type FakeAnswer } from '../fake-node.js';

/** What is known of the cache of node-redis: shown here, and that the cache of a ClusterClient does not do it. */

const OLD = '$3\r\nold\r\n';
const NEW = '$3\r\nnew\r\n';
const NO_EXPIRY = ':-1\r\n';
/** What a server pushes after FLUSHALL, or when it has forgotten what it tracks. */
const FLUSHED = '>2\r\n$10\r\ninvalidate\r\n_\r\n';
/** What it pushes after a change of `k`. */
const CHANGED = '>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n';

/**
 * A node whose key `k` is written while the first reply to GET is on its way.
 * @param first what it sends for GET and PTTL until then
 */
function writtenMeanwhile(first: { get: string; pttl: string }): FakeAnswer {
  let reads = 0;
  const answers: Record<string, () => string> = {
    HELLO: () => '%1\r\n$2\r\nid\r\n:7\r\n',
    PING: () => '+PONG\r\n',
    UNSUBSCRIBE: () => '>3\r\n$11\r\nunsubscribe\r\n$12\r\nkeyslot:push\r\n:0\r\n',
    COMMAND: () => '*1\r\n_\r\n',
    GET: () => (++reads === 1 ? first.get : NEW),
    PTTL: () => (reads === 1 ? first.pttl : NO_EXPIRY),
  };
  return ([name]) => answers[name.toUpperCase()]?.();
}

describe('a reply that was on its way when its key was flushed', () => {
  it('is kept by node-redis, and returned from then on', async () => {
    const node = await FakeNode.start(writtenMeanwhile({ get: OLD + FLUSHED, pttl: NO_EXPIRY }));
    const { host, port } = node;
    const client = createClient({
      RESP: 3,
      socket: { host, port },
      clientSideCache: new BasicClientSideCache(),
    });
    try {
      await client.connect();
      expect([await client.get('k'), await client.get('k')]).toEqual(['old', 'old']);
      expect(node.asked('get')).toHaveLength(1);
    } finally {
      client.destroy();
      await node.stop();
    }
  });

  it.each([
    ['behind all replies', FLUSHED, { get: OLD, pttl: NO_EXPIRY + FLUSHED }],
    ['between the replies', FLUSHED, { get: OLD + FLUSHED, pttl: NO_EXPIRY }],
    ['before the replies', FLUSHED, { get: FLUSHED + OLD, pttl: NO_EXPIRY }],
    ['as a change, behind all replies', CHANGED, { get: OLD, pttl: NO_EXPIRY + CHANGED }],
    ['as a change, between the replies', CHANGED, { get: OLD + CHANGED, pttl: NO_EXPIRY }],
  ])('is not kept by a ClusterClient that hears of it %s', async (_, push, first) => {
    const node = await FakeNode.start(writtenMeanwhile(first));
    const client = new ClusterClient({ nodes: [node], cache: { maxBytes: 10_000, maxStaleMs: 60_000 } });
    try {
      const view = client.with({ cache: true });
      expect(first.get + first.pttl).toContain(push);
      expect(await view.get('k')).toBe('old');
      // with the chunk in which the push is
      await client.ping();
      expect([await view.get('k'), await view.get('k')]).toEqual(['new', 'new']);
      expect(node.asked('get')).toHaveLength(2);
      expect(client.cache.stats()).toMatchObject({ hits: 1, misses: 2, entries: 1 });
    } finally {
      client.disconnect();
      await node.stop();
    }
  });
});

describe('keys that were evicted', () => {
  const { nodes, keyspace } = sharedCluster();
  const READS = 2_000;
  const KEPT = 20;
  const keys = Array.from({ length: READS }, (_, i) => `${keyspace}{evicted}${i}`);

  it('stay in a table of node-redis', async () => {
    const node = await FakeNode.start(writtenMeanwhile({ get: OLD, pttl: NO_EXPIRY }));
    const { host, port } = node;
    const cache = new BasicClientSideCache({ maxEntries: KEPT });
    const client = createClient({ RESP: 3, socket: { host, port }, clientSideCache: cache });
    try {
      await client.connect();
      for (const key of keys) await client.get(key);
      expect(cache.size()).toBe(KEPT);
      expect([...cache.keySetEntries()]).toHaveLength(READS);
    } finally {
      client.destroy();
      await node.stop();
    }
  });

  it('are gone from a ClusterClient', async () => {
    const client = new ClusterClient({ nodes, cache: { maxBytes: KEPT * 500, maxStaleMs: 5_000 } });
    try {
      const view = client.with({ cache: true });
      for (const key of keys) await view.get(key);
      const { entries, evictions } = client.cache.stats();
      expect(entries + evictions).toBe(READS);
      expect(evictions).toBeGreaterThan(READS - 2 * KEPT - 40);
      await eventually(() => textsIn(client, `${keyspace}{evicted}`).size <= entries);
      // of those that are kept, all are found
      expect(textsIn(client, `${keyspace}{evicted}`).size).toBe(entries);
    } finally {
      await client.close();
    }
  });
});

/** The texts that contain a text, in all that an object leads to. */
function textsIn(root: object, text: string): Set<string> {
  const found = new Set<string>();
  const seen = new Set<object>();
  const open: unknown[] = [root];
  for (let value = open.pop(); value !== undefined || open.length > 0; value = open.pop()) {
    if (typeof value === 'string' && value.includes(text)) found.add(value);
    if (typeof value !== 'object' || value === null || seen.has(value) || ArrayBuffer.isView(value)) continue;
    seen.add(value);
    if (value instanceof Map) open.push(...value.keys(), ...value.values());
    else if (value instanceof Set) open.push(...value);
    else
      for (const { value: property } of Object.values(Object.getOwnPropertyDescriptors(value)))
        open.push(property);
  }
  return found;
}
