import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  IndexNotReadyError,
  PartitionKey,
  PrimaryKey,
  Property,
  Unique,
  type UniqueOptions,
} from 'keyslot';
import { eventually } from '../../../cluster-fixture.js';
import { Order, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();

class Seat {
  orderId!: string;
  id!: string;
  mail?: string;
  note?: string;
}

type Seats = ClusterRepository<Seat>;

/** Programs of one class: each call starts one, with a unique of `mail` or without. */
function programs(): (unique?: UniqueOptions) => Promise<Seats> {
  const name = `Seat${freshId().replaceAll('-', 'x')}`;
  return async (unique) => {
    const type = class extends Seat {};
    ClusterEntity({ name, partition: () => Order })(type);
    PartitionKey({ type: String })(type.prototype as Seat, 'orderId');
    PrimaryKey({ type: String })(type.prototype as Seat, 'id');
    Property(String)(type.prototype as Seat, 'mail');
    Property(String)(type.prototype as Seat, 'note');
    if (unique) Unique(unique)(type.prototype, 'mail');
    const registry = createRepositories(cluster.client, [Order, type]);
    await registry.checkSchemas();
    return registry.repository(type) as unknown as Seats;
  };
}

const orderId = freshId();
const seat = (seats: Seats, id: string, mail?: string): Seat => seats.create({ orderId, id, mail } as never);
const key = (id: string): never => ({ orderId, id }) as never;

async function unresolvedOf(seats: Seats): Promise<string[]> {
  const found: string[] = [];
  for await (const { unresolved } of seats.reindex())
    found.push(...unresolved.map(({ fault, index }) => `${fault} ${index}`));
  return found;
}

const scopes = ['partition', 'global'] as const;
const whereOf = (scope: string, mail: string): never =>
  (scope === 'global' ? { mail } : { orderId, mail }) as never;

describe.each(scopes)('a unique constraint of scope %s that is being built', (scope) => {
  it('never admits a second row after a rollback', async () => {
    const start = programs();
    const first = await start();
    await first.insert(seat(first, '1', 'a'));
    const newer = await start({ scope });
    expect(await unresolvedOf(newer)).toEqual([]);
    const old = await start(); // rolled back
    await old.insert(seat(old, '2', 'b'));
    const again = await start({ scope });
    await expect(again.insert(seat(again, '3', 'b'))).rejects.toThrow(
      /'mail' of Seat\w+ is being built.*repository\.reindex\(\).*whileBuilding: 'write'/,
    );
    expect(await again.findOne(key('3'))).toBeNull();
    expect(await unresolvedOf(again)).toEqual([]);
    await expect(again.insert(seat(again, '3', 'b'))).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' });
    await again.insert(seat(again, '3', 'c'));
  });

  it('is noticed by a program that only writes', async () => {
    const start = programs();
    const newer = await start({ scope });
    await newer.insert(seat(newer, '0', 'z'));
    await start(); // an old one
    let made = 0;
    await eventually(() =>
      newer.insert(seat(newer, `n${++made}`, `mail ${made}`)).then(
        () => false,
        (error: unknown) => error instanceof IndexNotReadyError,
      ),
    );
  });

  it('rejects every kind of write that adds a value, as a whole', async () => {
    const start = programs();
    const old = await start();
    await old.insert(seat(old, '1', 'a'));
    const seats = await start({ scope });
    const loaded = await seats.findOneOrFail(key('1'));
    loaded.mail = 'b';
    await expect(seats.save(loaded)).rejects.toThrow(IndexNotReadyError);
    await expect(seats.upsert(seat(seats, '1', 'b'))).rejects.toThrow(IndexNotReadyError);
    await expect(seats.update(key('1'), { mail: 'b' } as never)).rejects.toThrow(IndexNotReadyError);
    const [some, other] = await seats.saveMany([seat(seats, '2', 'b'), seat(seats, '3')]);
    expect(some).toMatchObject({ ok: false, error: { code: 'INDEX_NOT_READY', applied: false } });
    expect(other).toMatchObject({ ok: true });
    const transaction = seats.transaction(orderId as never, async (tx) => {
      tx.insert(seat(seats, '4'));
      tx.insert(seat(seats, '5', 'b'));
    });
    await expect(transaction).rejects.toThrow(IndexNotReadyError);
    const locked = seats.withLock(orderId as never, (lock) =>
      lock.repository(seats.type).insert(seat(seats, '6', 'b')),
    );
    await expect(locked).rejects.toThrow(IndexNotReadyError);
    expect(await seats.findMany(['2', '4', '5', '6'].map(key))).toEqual([null, null, null, null]);
    expect((await seats.findOneOrFail(key('1'))).mail).toBe('a');
  });

  it('allows writes that keep the value unchanged, or remove it', async () => {
    const start = programs();
    const old = await start();
    for (const id of ['1', '2', '3']) await old.insert(seat(old, id, `mail of ${id}`));
    const seats = await start({ scope });
    const loaded = await seats.findOneOrFail(key('1'));
    loaded.note = 'saved';
    await seats.save(loaded);
    await seats.update(key('1'), { note: 'updated' } as never);
    await seats.insert(seat(seats, '4'));
    await seats.update(key('2'), { mail: null } as never);
    await seats.delete(key('3'));
    await seats.transaction(orderId as never, async (tx) => {
      const read = await tx.get(seats.type, key('1'));
      read!.note = 'in a transaction';
      tx.save(read!);
    });
    expect(await unresolvedOf(seats)).toEqual([]);
    expect(await seats.findOneBy(whereOf(scope, 'mail of 1'))).toMatchObject({
      id: '1',
      note: 'in a transaction',
    });
    await seats.insert(seat(seats, '5', 'mail of 2'));
  });

  it('accepts values meanwhile if configured, and reports the second row', async () => {
    const start = programs();
    const old = await start();
    await old.insert(seat(old, '1', 'a'));
    const seats = await start({ scope, whileBuilding: 'write' });
    await seats.insert(seat(seats, '2', 'a'));
    await seats.insert(seat(seats, '3', 'b'));
    expect(await unresolvedOf(seats)).toEqual(['duplicate mail']);
    await expect(seats.findOneBy(whereOf(scope, 'a'))).rejects.toThrow(IndexNotReadyError);
    await seats.update(key('2'), { mail: 'c' } as never);
    expect(await unresolvedOf(seats)).toEqual([]);
    await expect(seats.insert(seat(seats, '4', 'a'))).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' });
  });
});

it('has an option for writes during the build, unlike an index', () => {
  class Wrong extends Seat {}
  ClusterEntity({ name: 'Wrong', partition: () => Order })(Wrong);
  PartitionKey({ type: String })(Wrong.prototype as Seat, 'orderId');
  PrimaryKey({ type: String })(Wrong.prototype as Seat, 'id');
  Property(String)(Wrong.prototype as Seat, 'mail');
  Unique({ whileBuilding: 'wait' as never })(Wrong.prototype, 'mail');
  expect(() => createRepositories(cluster.client, [Order, Wrong])).toThrow(
    /unique 'mail' with whileBuilding: "wait": 'refuse' or 'write'/,
  );
});
