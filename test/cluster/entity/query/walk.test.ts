import {
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  Index,
  keySlot,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
} from 'keyslot';
import { ownCluster } from '../../../cluster-fixture.js';
import { sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Shelf' })
class Shelf {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Book', partition: () => Shelf })
class Book {
  declare readonly [Shape]: { key: 'shelfId' | 'id'; indexed: 'title' };
  @PartitionKey() shelfId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() title?: string;
}

const { nodes, keyspace } = ownCluster();
const cluster = sharedClient({ nodes, keyspace });
const SHELVES = Array.from({ length: 200 }, (_, i) => `s${i}`);
const bySlot = (one: string, other: string): number =>
  keySlot(`{Shelf:${one}}`) - keySlot(`{Shelf:${other}}`);

const booksOf = (client: ClusterClient): ClusterRepository<Book> =>
  createRepositories(client, [Shelf, Book]).repository(Book);

/** One book on each shelf, each without its entry of the index. */
async function damaged(): Promise<ClusterRepository<Book>> {
  const books = booksOf(cluster.client);
  await books.saveMany(SHELVES.map((shelfId) => books.create({ shelfId, id: '1', title: 'old' })));
  for (const shelfId of SHELVES) await cluster.client.zrem(`{Shelf:${shelfId}}:Book~ix`, 'title\0old\x001');
  return books;
}

async function issuesOf(books: ClusterRepository<Book>): Promise<string[]> {
  const found: string[] = [];
  for await (const { fault, index, key } of books.verifyIndexes())
    found.push(`${fault} ${index} ${key.shelfId}`);
  return found;
}

const inOrder = SHELVES.toSorted(bySlot).map((shelfId) => `missing title ${shelfId}`);

/** How often all primaries together have executed a command. */
async function executed(command: string): Promise<number> {
  const answers = (await cluster.client.target('primaries').info('commandstats')) as unknown as Map<
    string,
    string
  >;
  const counts = [...answers.values()].map((text) => text.split(`cmdstat_${command}:calls=`)[1] ?? '0');
  return counts.reduce((sum, text) => sum + Number.parseInt(text, 10), 0);
}

describe('maintenance of all partitions', () => {
  it('sends nothing for empty slots', async () => {
    const books = booksOf(cluster.client);
    await cluster.client.target('primaries').config('RESETSTAT');
    expect(await issuesOf(books)).toEqual([]);
    // twice, of three primaries, for sixteen ranges of slots; the prefix of keys is asked for once
    expect(await executed('eval_ro')).toBeLessThan(100);
    expect(await executed('cluster|getkeysinslot')).toBe(0);
  });

  it('reports inconsistencies in slot order', async () => {
    expect(await issuesOf(await damaged())).toEqual(inOrder);
  });

  it('finds the same if the user can neither count keys nor run read-only scripts', async () => {
    await damaged();
    for (const denied of ['-cluster|countkeysinslot', '-eval_ro']) {
      const acl = ['SETUSER', 'walker', 'reset', 'on', '>secret', '~*', '&*', '+@all', denied];
      await cluster.client.target('all').call('ACL', ...acl);
      const client = new ClusterClient({
        nodes,
        keyPrefix: keyspace,
        username: 'walker',
        password: 'secret',
      });
      try {
        expect(await issuesOf(booksOf(client))).toEqual(inOrder);
      } finally {
        await client.close();
      }
    }
  });

  it('repairs everything, with consistent progress, wherever it is resumed', async () => {
    const books = await damaged();
    const cursors: string[] = [];
    let repaired = 0;
    let done = 0;
    // each run is ended after its first progress
    while (done < 1)
      for await (const progress of books.reindex({ cursor: cursors.at(-1) })) {
        expect(progress.done).toBeGreaterThan(done);
        ({ done } = progress);
        repaired += progress.repaired;
        cursors.push(progress.cursor);
        break;
      }
    expect(cursors).toHaveLength(16);
    // a run may have gone further than it has told: what it put right there, the next finds right
    expect(repaired).toBeLessThanOrEqual(SHELVES.length);
    expect(await issuesOf(books)).toEqual([]);
  });

  it('ends with its loop, and repairs nothing afterwards', async () => {
    const books = await damaged();
    for await (const progress of books.reindex()) {
      expect(progress.done).toBeLessThan(1);
      break;
    }
    const left = await issuesOf(books);
    expect(left.length).toBeGreaterThan(0);
    expect(await issuesOf(books)).toEqual(left);
  });

  it('ends with the reason of its signal', async () => {
    const books = await damaged();
    const controller = new AbortController();
    const seen: string[] = [];
    const walk = async (): Promise<void> => {
      for await (const { key } of books.verifyIndexes({ signal: controller.signal })) {
        seen.push(key.shelfId);
        controller.abort(new Error('enough'));
      }
    };
    await expect(walk()).rejects.toThrow('enough');
    expect(seen).toEqual([SHELVES.toSorted(bySlot)[0]]);
  });

  it('continues with other partitions if the keys of one have another type', async () => {
    const books = await damaged();
    const [, broken] = SHELVES.toSorted(bySlot);
    await cluster.client.del(`{Shelf:${broken}}:Book~ix`);
    await cluster.client.set(`{Shelf:${broken}}:Book~ix`, 'text');
    const expected = inOrder.with(1, `unreadable ~ix ${broken}`);
    expect(await issuesOf(books)).toEqual(expected);
    await cluster.client.del(`{Shelf:${broken}}:Book~ix`);
  });
});
