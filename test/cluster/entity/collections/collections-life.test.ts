import { firstValueFrom, take, toArray } from 'rxjs';
import {
  ClusterEntity,
  type ClusterHash,
  type ClusterList,
  type ClusterRepository,
  type ClusterSet,
  type ClusterSortedSet,
  type ClusterStream,
  Counter,
  createRepositories,
  CrossPartitionError,
  EntityNotFoundError,
  EntityNotSavedError,
  type EntityRegistry,
  ExpiresAt,
  HashOf,
  Index,
  InvalidArgumentError,
  ListOf,
  LockLostError,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaMismatchError,
  SetOf,
  Shape,
  SortedSetOf,
  StreamOf,
  TransactionTooLargeError,
} from 'keyslot';
import { eventually } from '../../../cluster-fixture.js';
import { counted, freshId, losingReplies, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Game' })
class Game {
  declare readonly [Shape]: { key: 'id'; counters: 'rounds' };

  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() title?: string;
  @Counter() rounds!: number;
  @ExpiresAt() expiresAt?: Date;
  @SetOf(String) tags!: ClusterSet<string>;
  @SortedSetOf(String) scores!: ClusterSortedSet<string>;
}

@ClusterEntity({ name: 'Player', partition: () => Game })
class Player {
  declare readonly [Shape]: { key: 'gameId' | 'id'; indexed: 'team' };

  @PartitionKey() gameId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() team?: string;
  @ExpiresAt() expiresAt?: Date;
  @ListOf(String) moves!: ClusterList<string>;
  @HashOf(Number) stock!: ClusterHash<number>;
  @StreamOf(String) log!: ClusterStream<string>;
}

@ClusterEntity({ name: 'Short', ttl: '1h' })
class Short {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @SetOf(String) tags!: ClusterSet<string>;
}

@ClusterEntity({ name: 'Remembered', idempotency: 'window' })
class Remembered {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @ListOf(Buffer) jobs!: ClusterList<Buffer>;
  @SortedSetOf(String) scores!: ClusterSortedSet<string>;
}

@ClusterEntity({ name: 'Told', changes: true })
class Told {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @SetOf(String) tags!: ClusterSet<string>;
}

const cluster = sharedClient();
let registry: EntityRegistry;
let games: ClusterRepository<Game>;
let players: ClusterRepository<Player>;
beforeAll(() => {
  registry = createRepositories(cluster.client, [Game, Player, Short, Remembered, Told]);
  games = registry.repository(Game);
  players = registry.repository(Player);
});

const HOUR = 3_600_000;
const inAnHour = (): Date => new Date(Date.now() + HOUR);
const expiryOf = (key: string): Promise<number> => cluster.client.pexpiretime(key);

async function game(data: { expiresAt?: Date } = {}): Promise<Game> {
  const made = await games.insert(games.create(data));
  await made.tags.add('a');
  await made.scores.add('ada', 1);
  return made;
}

async function player(data: { expiresAt?: Date } = {}): Promise<Player> {
  const made = await players.insert(players.create({ gameId: freshId(), id: 'p', team: 'red', ...data }));
  await made.moves.push('e4');
  await made.stock.set('pen', 1);
  await made.log.append('joined');
  return made;
}

const keysOf = (of: Game | Player): string[] =>
  of instanceof Game ? [of.tags.key, of.scores.key] : [of.moves.key, of.stock.key, of.log.key];

const places = async (keys: readonly string[]): Promise<number[]> =>
  Promise.all(keys.map((key) => cluster.client.exists(key)));

describe('a write to a collection', () => {
  it('creates nothing if the row is gone', async () => {
    const { id, tags } = await game();
    await games.delete(id);
    await expect(tags.add('b')).rejects.toThrow(EntityNotFoundError);
    await expect(tags.delete('b')).rejects.toThrow(EntityNotFoundError);
    expect(await tags.members()).toEqual([]);
    expect(await cluster.client.exists(`{Game:${id}}:Game:${id}:tags`)).toBe(0);
    await expect(games.collection(freshId(), 'tags').add('b')).rejects.toThrow(EntityNotFoundError);
  });

  it('creates nothing if the row has expired, although the server keeps it in a larger partition', async () => {
    const { gameId, moves } = await player();
    await players.expire({ gameId, id: 'p' }, -1);
    expect(await cluster.client.exists(players.keyOf({ gameId, id: 'p' }))).toBe(1);
    await expect(moves.push('d4')).rejects.toThrow(EntityNotFoundError);
    expect(await moves.range()).toEqual([]);
    expect(await cluster.client.exists(moves.key)).toBe(0);
  });

  it('does not change the version, and conflicts with no save', async () => {
    const made = await game();
    const loaded = await games.findOneOrFail(made.id);
    await made.tags.add('b');
    loaded.title = 'new';
    await games.save(loaded);
    expect((await loaded.tags.members()).toSorted()).toEqual(['a', 'b']);
  });
});

describe.each(['remove', 'delete', 'deleteMany'] as const)('%s', (way) => {
  const end = async (of: Game | Player): Promise<void> => {
    const isGame = of instanceof Game;
    const repository = (isGame ? games : players) as ClusterRepository<object>;
    const key = (isGame ? of.id : { gameId: of.gameId, id: of.id }) as never;
    if (way === 'remove') await repository.remove(of);
    else if (way === 'delete') expect(await repository.delete(key)).toEqual({ deleted: true });
    else expect(await repository.deleteMany([key])).toEqual([{ ok: true, value: { deleted: true } }]);
  };

  it.each([game, player])('deletes the collections with the row', async (make) => {
    const made = await make();
    const keys = keysOf(made);
    expect(await places(keys)).toEqual(keys.map(() => 1));
    await end(made);
    expect(await places(keys)).toEqual(keys.map(() => 0));
  });
});

describe('a recreated row', () => {
  it('has no elements of the old one', async () => {
    const { id } = await game();
    await games.delete(id);
    const again = await games.insert(games.create({ id }));
    expect(await again.tags.members()).toEqual([]);
  });

  it.each(['insert', 'save', 'upsert'] as const)(
    'by %s has no elements of a row that another program has deleted, or that has expired',
    async (way) => {
      const { id, tags } = await game();
      await cluster.client.del(games.keyOf(id));
      expect(await tags.size()).toBe(1);
      const again = games.create({ id });
      await games[way](again);
      expect(await again.tags.size()).toBe(0);

      const { gameId, stock } = await player();
      await players.expire({ gameId, id: 'p' }, -1);
      await cluster.client.hset(stock.key, 'by', '1');
      await players[way](players.create({ gameId, id: 'p' }));
      expect(await stock.size()).toBe(0);
    },
  );

  it('keeps its elements in an upsert of an existing row', async () => {
    const { id, tags } = await game();
    await games.upsert(games.create({ id, title: 'x' }));
    expect(await tags.members()).toEqual(['a']);
  });
});

describe('the expiry of a row', () => {
  it.each([game, player])('applies to its collections', async (make) => {
    const at = inAnHour();
    const made = await make({ expiresAt: at });
    const [repository, keys] = [
      (made instanceof Game ? games : players) as ClusterRepository<object>,
      keysOf(made),
    ];
    const key = (made instanceof Game ? made.id : { gameId: made.gameId, id: made.id }) as never;
    const times = (): Promise<number[]> => Promise.all(keys.map(expiryOf));
    expect(await times()).toEqual(keys.map(() => at.getTime()));

    const later = new Date(at.getTime() + HOUR);
    await repository.expire(key, later);
    expect(await times()).toEqual(keys.map(() => later.getTime()));
    await repository.persist(key);
    expect(await times()).toEqual(keys.map(() => -1));
    await repository.update(key, { expiresAt: at } as never);
    expect(await times()).toEqual(keys.map(() => at.getTime()));
    const loaded = (await repository.findOneOrFail(key)) as Game;
    loaded.expiresAt = later;
    await repository.save(loaded);
    expect(await times()).toEqual(keys.map(() => later.getTime()));
    loaded.expiresAt = undefined;
    await repository.save(loaded);
    expect(await times()).toEqual(keys.map(() => -1));
    loaded.expiresAt = later;
    await repository.upsert(loaded);
    expect(await times()).toEqual(keys.map(() => later.getTime()));
  });

  it('applies to a collection that is created later, or again', async () => {
    const at = inAnHour();
    const { id, tags, scores } = await games.insert(games.create({ expiresAt: at }));
    await tags.add('a');
    expect(await expiryOf(tags.key)).toBe(at.getTime());
    await tags.delete('a');
    await tags.add('b');
    expect(await expiryOf(tags.key)).toBe(at.getTime());
    await games.persist(id);
    await cluster.client.pexpireat(games.keyOf(id), at.getTime()); // by others
    await scores.add('ada', 1);
    expect(await expiryOf(scores.key)).toBe(at.getTime());
    const short = await registry.repository(Short).insert(registry.repository(Short).create());
    await short.tags.add('a');
    const row = await expiryOf(registry.repository(Short).keyOf(short.id));
    expect(row).toBeGreaterThan(Date.now());
    expect(await expiryOf(short.tags.key)).toBe(row);
  });

  it('deletes rows and collections at the same time', async () => {
    const { id, tags } = await game();
    await games.expire(id, 300);
    // To the server a key lives through the millisecond that it expires at.
    await eventually(async () => expect([await games.findOne(id), await tags.members()]).toEqual([null, []]));
    await expect(tags.add('b')).rejects.toThrow(EntityNotFoundError);
  });
});

it('is completed by a sweep, which deletes the collections of expired rows too', async () => {
  const { gameId, moves, stock } = await player();
  await players.expire({ gameId, id: 'p' }, -1);
  await cluster.client.rpush(moves.key, 'by others');
  expect(await players.sweepExpired({ partition: gameId })).toEqual({ swept: 1 });
  expect(await places([moves.key, stock.key, players.keyOf({ gameId, id: 'p' })])).toEqual([0, 0, 0]);
  const living = await player();
  await players.sweepExpired({ partition: living.gameId });
  expect(await living.moves.size()).toBe(1);
});

it('is included in the rows that loadAll returns', async () => {
  const { id } = await game();
  const made = await players.insert(players.create({ gameId: id, id: 'p' }));
  await made.moves.push('e4');
  const [[loaded], [first]] = await games.partition(id).loadAll([Game, Player]);
  expect(await loaded.tags.members()).toEqual(['a']);
  expect(await first.moves.range()).toEqual(['e4']);
});

describe('in a transaction, a collection', () => {
  it('is written with everything else, or not at all', async () => {
    const { id } = await game();
    const run = (isRight: boolean) =>
      games.transaction(id, async (tx) => {
        const read = await tx.get(Game, id);
        read!.title = 'played';
        tx.save(read!);
        tx.increment(Game, id, 'rounds');
        tx.collection(Game, id, 'tags').add('b', 'c');
        tx.collection(Game, id, 'tags').delete('a');
        tx.collection(Game, id, 'scores').increment('ada', 5);
        tx.insert(players.create({ gameId: id, id: 'p' }));
        tx.collection(Player, { gameId: id, id: 'p' }, 'moves').push('e4', 'e5');
        tx.collection(Player, { gameId: id, id: 'p' }, 'log').append('joined');
        if (!isRight) tx.collection(Player, { gameId: id, id: 'nobody' }, 'moves').push('x');
      });
    await expect(run(false)).rejects.toThrow(EntityNotFoundError);
    const loaded = await games.findOneOrFail(id);
    expect([loaded.title, loaded.rounds, await loaded.tags.members()]).toEqual([undefined, 0, ['a']]);
    expect(await players.findOne({ gameId: id, id: 'p' })).toBeNull();
    await run(true);
    expect(await games.findOneOrFail(id)).toMatchObject({ title: 'played', rounds: 1 });
    expect((await loaded.tags.members()).toSorted()).toEqual(['b', 'c']);
    expect(await loaded.scores.score('ada')).toBe(6);
    expect(await players.collection({ gameId: id, id: 'p' }, 'moves').range()).toEqual(['e4', 'e5']);
    expect(await players.collection({ gameId: id, id: 'p' }, 'log').size()).toBe(1);
  });

  it('is deleted with a row that the transaction removes, and is empty in one that it inserts', async () => {
    const made = await game();
    const keys = keysOf(made);
    await games.transaction(made.id, async (tx) => {
      tx.collection(Game, made.id, 'tags').add('b');
      tx.remove((await tx.get(Game, made.id))!);
    });
    expect(await places(keys)).toEqual([0, 0]);
    await cluster.client.set(keys[0], 'left by others');
    await games.transaction(made.id, async (tx) => {
      tx.insert(games.create({ id: made.id, expiresAt: inAnHour() }));
      tx.collection(Game, made.id, 'tags').add('c');
    });
    const again = await games.findOneOrFail(made.id);
    expect(await again.tags.members()).toEqual(['c']);
    expect(await expiryOf(again.tags.key)).toBe(again.expiresAt!.getTime());
  });

  it('is not left behind by a row that is written as expired', async () => {
    const id = freshId();
    await games.transaction(id, async (tx) => {
      tx.insert(games.create({ id, expiresAt: new Date(Date.now() - HOUR) }));
      tx.collection(Game, id, 'tags').add('a');
    });
    expect(await places([games.keyOf(id), games.collection(id, 'tags').key])).toEqual([0, 0]);
    const key = { gameId: id, id: 'p' };
    await games.transaction(id, async (tx) => {
      tx.insert(players.create({ ...key, expiresAt: new Date(Date.now() - HOUR) }));
      tx.collection(Player, key, 'moves').push('e4');
    });
    expect(await places([players.keyOf(key), players.collection(key, 'moves').key])).toEqual([1, 0]);
  });

  it('is checked before anything is written', async () => {
    const { gameId, moves } = await player();
    const key = { gameId, id: 'p' };
    const attempt = (
      work: (stock: {
        set(name: string, value: number): void;
        increment(name: string, by: number): void;
        delete(...names: string[]): void;
        clear(): void;
      }) => void,
    ) =>
      // prettier-ignore
      players.transaction(gameId, async (tx) => {
        tx.collection(Player, key, 'moves').push('d4');
        work(tx.collection(Player, key, 'stock'));
      });
    await expect(
      attempt((stock) => {
        stock.set('half', 0.5);
        stock.increment('half', 1);
      }),
    ).rejects.toThrow(SchemaMismatchError);
    expect(await moves.range()).toEqual(['e4']);
    await attempt((stock) => {
      stock.set('pen', 0.5);
      stock.delete('pen');
      stock.increment('pen', 2);
      stock.increment('pen', 2);
    });
    expect(await players.collection(key, 'stock').get('pen')).toBe(4);
    await attempt((stock) => {
      stock.set('pen', 0.5);
      stock.clear();
      stock.increment('pen', 1);
    });
    expect(await players.collection(key, 'stock').getAll()).toEqual(new Map([['pen', 1]]));
    await expect(
      attempt((stock) => {
        for (let i = 0; i < 130; i++) stock.increment('pen', Number.MAX_SAFE_INTEGER);
      }),
    ).rejects.toThrow('would leave the range of its type');
    await cluster.client.set(players.collection(key, 'stock').key, 'x');
    await expect(attempt((stock) => stock.set('pen', 1))).rejects.toThrow(/^Player\.stock is stored as /);
    expect(await moves.range()).toEqual(['e4', 'd4', 'd4']);
  });

  it('accepts writes within the limits, in its partition, and is not read', async () => {
    const { id } = await game();
    await games.transaction(id, async (tx) => {
      const tags = tx.collection(Game, id, 'tags');
      expect(() => tags.add(1 as never)).toThrow(InvalidArgumentError);
      expect(() => tx.collection(Game, freshId(), 'tags')).toThrow(CrossPartitionError);
      expect(() => tx.collection(Game, id, 'title' as never)).toThrow(InvalidArgumentError);
      const handle = tags as unknown as ClusterSet<string>;
      await expect(handle.members()).rejects.toThrow(/cannot read collections/);
      await expect(handle.has('a')).rejects.toThrow(InvalidArgumentError);
    });
    await expect(
      games.transaction(id, async (tx) => tx.collection(Game, id, 'tags').add('x'.repeat(1024 * 1024 + 1))),
    ).rejects.toThrow(TransactionTooLargeError);
    let left: { add(tag: string): void } | undefined;
    await games.transaction(id, async (tx) => void (left = tx.collection(Game, id, 'tags')));
    expect(() => left!.add('late')).toThrow(/has ended/);
    expect(await games.collection(id, 'tags').members()).toEqual(['a']);
  });
});

describe('a write whose reply was lost', () => {
  it('is not resent without a window, and is recognized with one', async () => {
    const calls = counted(cluster.client);
    const { id } = await game();
    await createRepositories(calls, [Game]).repository(Game).collection(id, 'tags').add('x');
    expect(calls.calls).toEqual(['script safe']);

    const lossy = createRepositories(losingReplies(cluster.client), [Remembered]).repository(Remembered);
    const { jobs, scores } = await lossy.insert(lossy.create());
    const job = Buffer.from([0, 37, 50, 67, 44, 255, 44]);
    expect(await jobs.push(job, Buffer.alloc(0))).toBe(2);
    expect(await scores.increment('ada', 2.5)).toBe(2.5);
    expect(await jobs.shift()).toEqual(job);
    expect(await jobs.shift()).toEqual(Buffer.alloc(0));
    expect(await jobs.shift()).toBeNull();
    expect(await jobs.size()).toBe(0);
  });

  it('is recognized by the opId of the caller, in a transaction too', async () => {
    const repository = registry.repository(Remembered);
    const { id, jobs, scores } = await repository.insert(repository.create());
    const once = scores.with({ opId: 'request-1' });
    expect([await once.increment('ada', 1), await once.increment('ada', 1)]).toEqual([1, 1]);
    const lossy = createRepositories(losingReplies(cluster.client), [Remembered]).repository(Remembered);
    await lossy.transaction(id, async (tx) => tx.collection(Remembered, id, 'jobs').push(Buffer.from('x')));
    expect(await jobs.size()).toBe(1);
  });
});

describe('a write through a handle', () => {
  it('is reported by the changes of the partition', async () => {
    const repository = registry.repository(Told);
    const { id, tags } = await repository.insert(repository.create());
    await tags.add('a');
    await expect(repository.collection(freshId(), 'tags').add('b')).rejects.toThrow(EntityNotFoundError);
    await repository.transaction(id, async (tx) => tx.collection(Told, id, 'tags').add('c'));
    const changes = await firstValueFrom(repository.changes(id, { from: 'start' }).pipe(take(3), toArray()));
    const { version } = changes[0] as { version: number };
    expect(changes).toMatchObject([
      { type: 'insert', key: id },
      { type: 'update', key: id, version, changed: ['tags'] },
      { type: 'update', key: id, version, changed: ['tags'] },
    ]);
  });

  it('is rejected under a lock that another holder has taken over', async () => {
    const made = await game();
    const { tag } = games.partition(made.id);
    const held = games.partition(made.id).withLock(async (lock) => {
      const under = lock.repository(Game);
      const loaded = await under.findOneOrFail(made.id);
      await loaded.tags.add('b');
      await under.collection(made.id, 'tags').add('c');
      await expect(under.collection(freshId(), 'tags').add('x')).rejects.toThrow(CrossPartitionError);
      await cluster.client.hincrby(`${tag}~lk:lock`, 'n', 1); // given to somebody else
      await expect(loaded.tags.add('x')).rejects.toThrow(LockLostError);
      await expect(under.collection(made.id, 'tags').add('x')).rejects.toThrow(LockLostError);
      await made.tags.add('d'); // loaded without the lock
    });
    await expect(held).rejects.toThrow(LockLostError);
    expect((await made.tags.members()).toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });
});

it('is rejected after the entity was removed', async () => {
  const made = await game();
  await games.remove(made);
  await expect(made.tags.members()).rejects.toThrow(EntityNotSavedError);
});
