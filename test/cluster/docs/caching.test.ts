import { readFileSync } from 'node:fs';
import { ClusterClient, ClusterEntity, createRepositories, PrimaryKey, Property } from 'keyslot';
import { ownCluster } from '../../cluster-fixture.js';

const { nodes } = ownCluster({ primaries: 1, replicasPerPrimary: 0 });

test('docs/caching.md shows only code that does what it says', async () => {
  const shown: unknown[] = [];
  const console = { log: (...values: unknown[]) => void shown.push(...values) };
  const page = readFileSync(new URL('../../../docs/caching.md', import.meta.url), 'utf8');
  const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
  expect(blocks).toHaveLength(3);
  expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);

  const cluster = new ClusterClient({
    nodes,
    cache: { maxBytes: 64 * 1024 * 1024, maxStaleMs: 1_000 },
  });
  const cached = cluster.with({ cache: true });

  await cluster.hset('user:42', { name: 'Ada', plan: 'pro' });
  await cached.hgetall('user:42'); // from the node
  await cached.hgetall('user:42'); // from memory
  await cached.mget('{price}:eu', '{price}:us');
  await cluster.hget('user:42', 'plan'); // not through the cache

  const { hits, misses } = cluster.cache.stats();
  console.log(hits, misses); // 1 3

  expect(shown).toEqual([1, 3]);

  @ClusterEntity({ name: 'Product', cache: { maxAgeMs: 5_000 } })
  class Product {
    @PrimaryKey() id!: string;
    @Property() title!: string;
    @Property() cents!: number;
  }

  const products = createRepositories(cluster, [Product]).repository(Product);
  await products.insert(products.create({ id: '1', title: 'Pen', cents: 250 }));

  const product = await products.findOne('1', { cache: true });
  await products.findMany(['1', '2'], { cache: true });
  await products.findOne('1', { cache: { maxAgeMs: 100 } });
  await products.findOne('1'); // not through the cache

  expect(product).toMatchObject({ title: 'Pen' });
  const { entries } = cluster.cache.stats();
  expect(entries).toBe(5);
  await cluster.close();
});

const squeezed = (code: string): string => code.replace(/\s+/g, ' ').trim();
