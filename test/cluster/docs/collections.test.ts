import { readFileSync } from 'node:fs';
import {
  ClusterClient,
  ClusterEntity,
  type ClusterHash,
  type ClusterList,
  type ClusterSet,
  type ClusterSortedSet,
  type ClusterStream,
  EntityNotFoundError,
  HashOf,
  ListOf,
  PrimaryKey,
  Property,
  SetOf,
  Shape,
  SortedSetOf,
  StreamOf,
  createRepositories,
} from 'keyslot';
import { sharedCluster } from '../../cluster-fixture.js';

class Move {
  @Property() from!: string;
  @Property() to!: string;
}

@ClusterEntity({ name: 'Game', ttl: '30d' })
class Game {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() title?: string;
  @SetOf(String) watchers!: ClusterSet<string>;
  @ListOf(() => Move) moves!: ClusterList<Move>;
  @SortedSetOf(String) scores!: ClusterSortedSet<string>;
  @HashOf(Number) stones!: ClusterHash<number>;
  @StreamOf({ enum: ['start', 'pause', 'end'] }) events!: ClusterStream<'start' | 'pause' | 'end'>;
}

@ClusterEntity({ name: 'Ledger', idempotency: 'window' })
class Ledger {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @HashOf(() => BigInt) cents!: ClusterHash<bigint>;
}

// Every block of the page stands in this file as it stands there; what is behind it shows that it does what it says.
describe('docs/collections.md', () => {
  const { nodes, keyspace } = sharedCluster();

  it('shows only code that is executed here', () => {
    const page = readFileSync(new URL('../../../docs/collections.md', import.meta.url), 'utf8');
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
    expect(blocks).toHaveLength(11);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('does what it says, from top to bottom', async () => {
    const cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
    await cluster.connect();
    const repositories = createRepositories(cluster, [Game, Ledger]);
    const games = repositories.repository(Game);
    const ledgers = repositories.repository(Ledger);
    const shown: unknown[][] = [];
    const console = { log: (...values: unknown[]) => void shown.push(values) };

    const game = await games.insert(games.create({ title: 'Go' }));
    await game.watchers.add('ada', 'bob'); // 2: both are new
    await game.watchers.has('ada');
    await game.moves.push({ from: 'a1', to: 'a2' });
    await game.scores.increment('ada', 10);
    await game.stones.set('black', 181);
    await game.events.append('start');

    const scores = games.collection(game.id, 'scores');
    await scores.addMany([
      ['bob', 7],
      ['eve', 12],
    ]);
    const best = await scores.range({ to: 1, reverse: true });
    expect(best).toEqual([
      { element: 'eve', score: 12 },
      { element: 'ada', score: 10 },
    ]);

    for await (const watcher of game.watchers) console.log(watcher);
    for await (const { id, value } of game.events) console.log(id, value);
    expect(shown).toHaveLength(3);
    expect(shown[2]).toEqual([expect.stringMatching(/^\d+-\d+$/), 'start']);

    await game.watchers.with({ deadlineMs: 5_000, durability: { replicas: 1, timeoutMs: 1_000 } }).add('eve');

    const [watcher] = await cluster.srandmember(game.watchers.key, 1);
    expect(['ada', 'bob', 'eve']).toContain(watcher);

    await games.transaction(game.id, async (tx) => {
      const current = await tx.get(Game, game.id);
      if (!current) throw new Error('There is no such game');
      current.title = 'Go, finished';
      tx.save(current);
      tx.collection(Game, game.id, 'scores').increment('ada', 5);
      tx.collection(Game, game.id, 'events').append('end');
    });
    expect(await scores.score('ada')).toBe(15);
    expect((await game.events.range()).map(({ value }) => value)).toEqual(['start', 'end']);

    await games.expire(game.id, 60_000);
    expect(await cluster.pttl(game.watchers.key)).toBeGreaterThan(0);
    await games.delete(game.id);
    expect(await game.watchers.members()).toEqual([]);
    await expect(game.watchers.add('kim')).rejects.toThrow(EntityNotFoundError);

    const ledger = await ledgers.insert(ledgers.create());
    const once = ledger.cents.with({ opId: 'payment-7' });
    await once.increment('ada', 100n);
    await once.increment('ada', 100n); // is recognized
    expect(await ledger.cents.get('ada')).toBe(100n);

    expect(games.collection('42', 'watchers').key).toBe('{Game:42}:Game:42:watchers');

    await cluster.close();
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
