import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import { ClusterClient, createRepositories, EntityExistsError, type EntityRegistry } from 'keyslot';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { compiled, snippetFolder, snippetsOf, writeSnippets } from '../../docs-snippets.js';

const { nodes, keyspace } = sharedCluster();

interface Carts {
  put(cartId: string, sku: string, quantity: number, cents: number): Promise<unknown>;
  checkOut(cartId: string): Promise<object | null>;
}
interface Sessions {
  signIn(userId: string): Promise<{ id: string }>;
  find(id: string): Promise<{ userId: string } | null>;
  signOutEverywhere(userId: string): Promise<number>;
}
interface BoxOffice {
  book(showId: string, customer: string): Promise<number | null>;
}
interface Ledger {
  post(accountId: string, id: string, cents: bigint): Promise<void>;
  transfer(id: string, from: string, to: string, cents: bigint): Promise<void>;
}
interface Leaderboard {
  score(season: string, player: string, points: number): Promise<number>;
  watch(season: string): { subscribe(next: (best: object[]) => void): { unsubscribe(): void } };
}
interface RateLimit {
  waitFor(caller: string): Promise<number>;
}
/** What a recipe exports. */
type Recipe = Record<string, Type<object>>;

// Every recipe is a file; it is taken from the page, and run. sign-up.ts is run by test/e2e/sign-up-recipe.test.ts.
describe('docs/recipes.md', () => {
  const snippets = snippetsOf('docs/recipes.md');
  const folder = snippetFolder();
  let clients: ClusterClient[];
  let programs: { faults: string; folder: string };

  beforeAll(async () => {
    writeSnippets(snippets, folder);
    programs = await compiled(
      folder,
      snippets.map(({ file }) => join(folder, file ?? '')),
    );
    clients = [1, 2].map(() => new ClusterClient({ nodes, keyPrefix: keyspace }));
  });
  afterAll(() => Promise.all(clients.map((client) => client.close())));

  const recipe = async (file: string): Promise<Recipe> =>
    (await import(join(programs.folder, file.replace('.ts', '.js')))) as Recipe;
  /** What is made of the repositories of two clients, as two processes have them. */
  const twice = <T>(
    entities: readonly Type<object>[],
    make: (repositories: EntityRegistry, client: ClusterClient) => T,
  ): T[] => clients.map((client) => make(createRepositories(client, entities), client));

  it('contains only short recipes in files', () => {
    expect(snippets.map(({ file }) => file)).toEqual([
      'cart.ts',
      'sessions.ts',
      'booking.ts',
      'ledger.ts',
      'sign-up.ts',
      'leaderboard.ts',
      'rate-limit.ts',
      'nightly-jobs.ts',
      'tagged-cache.ts',
    ]);
    const lines = (code: string): number =>
      code
        .replace(/^import .*?;$/gms, '')
        .split('\n')
        .filter((line) => line.trim() !== '').length;
    expect(snippets.filter(({ code }) => lines(code) > 60).map(({ file }) => file)).toEqual([]);
  });

  it('compiles', () => {
    expect(programs.faults).toBe('');
  });

  it('sells a cart once, however many check out at the same time', async () => {
    const { Cart, CartLine, Sale, Carts } = await recipe('cart.ts');
    const carts = twice(
      [Cart, CartLine, Sale],
      (all) => new Carts(all.repository(CartLine), all.repository(Sale)) as Carts,
    );
    for (let quantity = 1; quantity <= 2; quantity++)
      await Promise.all([10, 20, 30].map((cents, i) => carts[i % 2].put('c1', `sku-${i}`, quantity, cents)));

    const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => carts[i % 2].checkOut('c1')));

    const sold = outcomes.filter((sale) => sale !== null);
    expect(sold).toMatchObject([{ cents: 2 * (10 + 20 + 30) }]);
    const sales = createRepositories(clients[0], [Cart, Sale]).repository(Sale);
    expect(await sales.findBy({ cartId: 'c1' })).toEqual(sold);
  });

  it('finds sessions, extends them, and ends all sessions of a user', async () => {
    const { Session, Sessions } = await recipe('sessions.ts');
    const [sessions] = twice([Session], (all) => new Sessions(all.repository(Session)) as Sessions);
    const [first, second, others] = await Promise.all(['ada', 'ada', 'bob'].map((id) => sessions.signIn(id)));

    const key = `{Session:${first.id}}:Session:${first.id}`;
    await clients[0].pexpire(key, 60_000);
    expect(await sessions.find(first.id)).toMatchObject({ userId: 'ada' });
    expect(await clients[0].pttl(key)).toBeGreaterThan(60_000);

    expect(await sessions.signOutEverywhere('ada')).toBe(2);
    expect(await sessions.find(second.id)).toBeNull();
    expect(await sessions.find(others.id)).toMatchObject({ userId: 'bob' });
  });

  it('sells 10 seats to 100 concurrent buyers', async () => {
    const { Show, Booking, BoxOffice } = await recipe('booking.ts');
    const offices = twice(
      [Show, Booking],
      (all) => new BoxOffice(all.repository(Show), all.repository(Booking)) as BoxOffice,
    );
    const all = createRepositories(clients[0], [Show, Booking]);
    const shows = all.repository(Show);
    await shows.insert(shows.create({ id: 's1', left: 10 } as object));

    const seats = await Promise.all(
      Array.from({ length: 100 }, (_, i) => offices[i % 2].book('s1', `customer-${i}`)),
    );

    const sold = seats.filter((seat) => seat !== null);
    expect(sold.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const bookings = await all.repository(Booking).findBy({ showId: 's1' });
    expect(bookings).toHaveLength(10);

    await shows.upsert(shows.create({ id: 's1', left: 11 } as object));
    const [{ customer }] = bookings as { customer: string }[];
    await expect(offices[0].book('s1', customer)).rejects.toThrow(EntityExistsError);
  });

  it('neither creates nor loses money, even if every transfer is repeated', async () => {
    const { Account, Entry, Ledger } = await recipe('ledger.ts');
    const ledgers = twice(
      [Account, Entry],
      (all) => new Ledger(all.repository(Account), all.repository(Entry)) as Ledger,
    );
    const names = ['ada', 'bob', 'eve'];
    await Promise.all(names.map((name) => ledgers[0].post(name, 'opening', 100n)));

    const transfers = Array.from(
      { length: 20 },
      (_, i) => [`t${i}`, names[i % 3], names[(i + 1) % 3], BigInt(i * 3)] as const,
    );
    const results = await Promise.allSettled(
      transfers.flatMap((transfer) => ledgers.map((ledger) => ledger.transfer(...transfer))),
    );
    const failed = results.filter((result) => result.status === 'rejected');
    for (const { reason } of failed as PromiseRejectedResult[])
      expect(String(reason)).toBe('Error: The account has not got that much');

    const all = createRepositories(clients[0], [Account, Entry]);
    const balances = (await all.repository(Account).findMany(names as never)) as { cents: bigint }[];
    expect(balances.reduce((sum, { cents }) => sum + cents, 0n)).toBe(300n);
    for (const [i, accountId] of names.entries()) {
      const entries = (await all.repository(Entry).findBy({ accountId })) as { cents: bigint }[];
      expect(entries.reduce((sum, { cents }) => sum + cents, 0n)).toBe(balances[i].cents);
      expect(balances[i].cents).toBeGreaterThanOrEqual(0n);
    }
  });

  it('updates a leaderboard and notifies its watchers', async () => {
    const { Season, Leaderboard } = await recipe('leaderboard.ts');
    const [one, two] = twice(
      [Season],
      (all, client) => new Leaderboard(all.repository(Season), client.pubsub) as Leaderboard,
    );
    const seasons = createRepositories(clients[0], [Season]).repository(Season);
    const season = `${keyspace}autumn`; // the names of channels have no prefix
    await seasons.insert(seasons.create({ id: season } as object));

    const seen: object[][] = [];
    const watching = one.watch(season).subscribe((best) => seen.push(best));
    await clients[0].pubsub.ready();
    await eventually(() => expect(seen).toEqual([[]]));
    await Promise.all(['ada', 'bob', 'eve', 'kim'].map((player, i) => two.score(season, player, i + 1)));
    await Promise.all(Array.from({ length: 10 }, (_, i) => [one, two][i % 2].score(season, 'ada', 1)));

    await eventually(() =>
      expect(seen.at(-1)).toEqual([
        { element: 'ada', score: 11 },
        { element: 'kim', score: 4 },
        { element: 'eve', score: 3 },
      ]),
    );
    watching.unsubscribe();
  });

  it('allows a limited number of requests per window', async () => {
    const { RateLimit } = await recipe('rate-limit.ts');
    const [one, two] = clients.map((client) => new RateLimit(client, 10, 60_000) as RateLimit);
    const waits = await Promise.all(Array.from({ length: 30 }, (_, i) => [one, two][i % 2].waitFor('ada')));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(10);
    for (const wait of waits.filter((ms) => ms !== 0)) expect(wait).toBeLessThanOrEqual(60_000);
    expect(await one.waitFor('bob')).toBe(0);

    const brief = new RateLimit(clients[0], 1, 50) as RateLimit;
    await brief.waitFor('eve');
    await eventually(async () => (await brief.waitFor('eve')) === 0);
  });
});
