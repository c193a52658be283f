import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Cluster, type ClusterOptions } from 'ioredis';
import {
  BlockedCommandError,
  ClusterClient,
  ClusterError,
  CrossSlotError,
  getClusterToken,
  OutcomeUnknownError,
} from 'keyslot';
import { root, snippetFolder, snippetsOf, typeFaults } from '../../docs-snippets.js';
import { eventually, sharedCluster } from '../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const page = readFileSync(join(root, 'docs/coming-from-clients.md'), 'utf8');
const snippets = snippetsOf('docs/coming-from-clients.md');

describe('docs/coming-from-clients.md', () => {
  let cluster: ClusterClient;
  beforeAll(async () => {
    cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
    await cluster.connect();
  });
  afterAll(() => cluster.close());

  it('shows only code that is executed here', () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = snippets.filter(({ language }) => language === 'ts').map(({ code }) => code);
    expect(blocks).toHaveLength(3);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  describe('the module', () => {
    const file = join(snippetFolder(), 'visits.ts');

    it('compiles and works after the changes on the page', async () => {
      const [{ code }] = snippets.filter(({ language }) => language === 'diff');
      const after = code.replace(/^-.*\n/gm, '').replace(/^[ +]/gm, '');
      writeFileSync(file, after);
      expect(await typeFaults(join(file, '..'), [file])).toBe('');

      const client = new ClusterClient({ nodes, keyPrefix: keyspace });
      const { Visits, VisitsModule } = (await import(file)) as Record<string, Type<VisitsApi>>;
      const app = await Test.createTestingModule({ imports: [VisitsModule] })
        .overrideProvider(getClusterToken())
        .useValue(client)
        .compile();
      const visits = app.get(Visits);
      await Promise.all(['home', 'home', 'news'].map((name) => visits.count(name)));
      expect(await visits.of(['home', 'news', 'none'])).toEqual([2, 1, 0]);
      await app.close();
      await client.close();
    });
  });

  it('maps only options that exist', () => {
    const table = page.slice(page.indexOf('## Options'), page.indexOf('## Calls'));
    const rows = table
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2);
    const namesIn = (cell: string): string[] => [...cell.matchAll(/`([\w.]+)`/g)].map(([, name]) => name);
    const [theirs, ours] = [0, 2].map((column) =>
      rows.flatMap((row) => namesIn(row.slice(2).split(' | ').at(column) ?? '')),
    );
    expect(ours.length).toBeGreaterThan(15);
    const known = knownOptions();
    expect(ours.filter((name) => !known.includes(name))).toEqual([]);

    // what has another name here is refused by the name it had there
    const foreign = theirs.filter((name) => !name.includes('.') && !known.includes(name));
    expect(foreign.length).toBeGreaterThan(8);
    for (const name of foreign) {
      expect(() => new ClusterClient({ [name]: undefined, nodes } as object)).toThrow(name);
    }
    const ioredis: ClusterOptions = new Cluster([], { lazyConnect: true }).options;
    expect(Object.keys(ioredis)).toEqual(
      expect.arrayContaining([
        'clusterRetryStrategy',
        'scaleReads',
        'maxRedirections',
        'slotsRefreshTimeout',
      ]),
    );
  });

  it('states the differences correctly', async () => {
    await expect(cluster.mset('cart:42', 'pen', 'cart:43', 'ink')).rejects.toThrow(CrossSlotError);
    await cluster.nonAtomic.mset('cart:42', 'pen', 'cart:43', 'ink');
    expect(await cluster.del('cart:42', 'cart:43')).toBe(2);

    const results = await cluster.pipeline().set('a', '1').incr('a').set('b', 'x').incr('b').exec();
    expect(results.slice(0, 3).map(([, reply]) => reply)).toEqual(['OK', 2, 'OK']);
    expect(results[3][0]?.message).toContain('ERR value is not an integer');

    await cluster.set('page:1', 'home');
    const keys: string[] = [];
    for await (const key of cluster.scanIterator({ match: '*page:*' })) keys.push(key);
    for await (const some of cluster.scanStream({ match: '*page:*' })) keys.push(...some);

    await expect(cluster.call('watch', 'a')).rejects.toThrow(BlockedCommandError);
    await cluster.transaction(['a'], async (tx) => {
      const value = Number(await tx.get('a'));
      return tx.multi().set('a', value * 2);
    });

    expect(keys.filter((key) => key === `${keyspace}page:1`)).toHaveLength(2);
    expect(await cluster.get('a')).toBe('4');
    for (const name of ['select', 'monitor'])
      await expect(cluster.call(name, '0')).rejects.toThrow(BlockedCommandError);
    expect(cluster.emit('error', new Error('nobody listens'))).toBe(false);
  });

  it('scans the cluster with a cursor', async () => {
    await cluster.mset('{t}page:1', 'home', '{t}page:2', 'news');

    const found: string[] = [];
    let cursor = '0';
    do {
      const [next, keys] = await cluster.scan(cursor, 'MATCH', '*page:*', 'COUNT', 100);
      found.push(...keys);
      cursor = next;
    } while (cursor !== '0');

    expect(found).toEqual(expect.arrayContaining([`${keyspace}{t}page:1`, `${keyspace}{t}page:2`]));
  });

  it('has a table of errors and what to do', async () => {
    const outcome = await cluster.incr('orders').catch((error: unknown) => {
      if (error instanceof OutcomeUnknownError) return 'look before it is done again';
      if (error instanceof ClusterError && error.retryable) return 'later';
      throw error;
    });
    expect(outcome).toBe(1);
  });

  it('still accepts commands while it is subscribed, and keeps defined commands in duplicates', async () => {
    const heard: string[] = [];
    cluster.on('message', (_channel: string, message: string) => heard.push(message));
    await cluster.subscribe(`${keyspace}news`);
    await cluster.publish(`${keyspace}news`, 'hello');
    expect(await cluster.set('still', 'works')).toBe('OK');
    cluster.defineCommand('echoed', { numberOfKeys: 1, lua: 'return ARGV[1]' });
    const copy = cluster.duplicate();
    expect(await (copy as unknown as { echoed(...args: string[]): Promise<string> }).echoed('k', 'v')).toBe(
      'v',
    );
    await copy.close();
    await eventually(() => expect(heard).toEqual(['hello']));
  });
});

interface VisitsApi {
  count(page: string): Promise<number>;
  of(pages: string[]): Promise<number[]>;
}

/** The names of our options, as the refusal of an unknown one lists them. */
function knownOptions(): string[] {
  try {
    return [String(new ClusterClient({ nothing: 1 } as object))];
  } catch (error) {
    return [...(error as Error).message.split('known are ')[1].split(', ')];
  }
}

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
