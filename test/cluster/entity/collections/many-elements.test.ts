import {
  ClusterEntity,
  type ClusterHash,
  type ClusterRepository,
  type ClusterSortedSet,
  createRepositories,
  HashOf,
  PrimaryKey,
  SortedSetOf,
  TransactionTooLargeError,
} from 'keyslot';
import { freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Game' })
class Game {
  @PrimaryKey() id!: string;
  @HashOf(Number) stock!: ClusterHash<number>;
  @SortedSetOf(String) scores!: ClusterSortedSet<string>;
}

const cluster = sharedClient();
let games: ClusterRepository<Game>;
beforeAll(() => {
  games = createRepositories(cluster.client, [Game]).repository(Game);
});

const COUNT = 150_000; // more than a call takes as arguments
const names = Array.from({ length: COUNT }, (_, i) => `n${i}`);

it('a hash writes and reads any number of values at once', async () => {
  const game = await games.insert(games.create({ id: freshId() }));
  expect(await game.stock.setMany(names.map((name, i) => [name, i] as const))).toBe(COUNT);
  const values = await game.stock.getMany([...names, 'none']);
  expect(values).toHaveLength(COUNT + 1);
  expect(values.slice(-2)).toEqual([COUNT - 1, null]);
  await games.delete(game.id);
});

it('a sorted set accepts any number of elements at once; a transaction rejects too many', async () => {
  const game = await games.insert(games.create({ id: freshId() }));
  const pairs = names.map((name, i) => [name, i] as const);
  expect(await game.scores.addMany(pairs)).toBe(COUNT);
  const tooLarge = games.transaction(game.id, async (tx) => {
    tx.collection(Game, game.id, 'scores').addMany(names.map((name, i) => [name.padEnd(50), i] as const));
  });
  await expect(tooLarge).rejects.toThrow(TransactionTooLargeError);
  expect(await game.scores.size()).toBe(COUNT);
  await games.delete(game.id);
});
