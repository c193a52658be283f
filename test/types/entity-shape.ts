import {
  AfterLoad,
  BelongsTo,
  assertShape,
  BeforeInsert,
  ClusterEntity,
  type ClusterHash,
  type ClusterList,
  type ClusterRepository,
  type ClusterSet,
  type ClusterSortedSet,
  type ClusterStream,
  Counter,
  ExpiresAt,
  HashOf,
  HasMany,
  Index,
  type KeyOf,
  ListOf,
  PartitionKey,
  type PartitionKeyOf,
  type PartitionTransaction,
  type Patch,
  PrimaryKey,
  Property,
  type Related,
  SetOf,
  Shape,
  SortedSetOf,
  StreamOf,
  Unique,
  Version,
  type Where,
} from 'keyslot';

@ClusterEntity({ name: 'Order' })
class Order {
  declare readonly [Shape]: { key: 'id'; counters: 'views' };
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() note?: string;
  @Counter() views!: number;
  @Version() version!: number;
  total(): number {
    return this.views;
  }
}

@ClusterEntity({ name: 'OrderItem', partition: () => Order })
class OrderItem {
  declare readonly [Shape]: { key: 'orderId' | 'id'; counters: 'reserved' };
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: number;
  @Property() quantity!: number;
  @Counter() reserved!: bigint;
}

@ClusterEntity({ name: 'Ticket', partition: () => Order })
class Ticket {
  declare readonly [Shape]: { key: 'orderId' | 'id'; indexed: 'seat' | 'price' };
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() seat!: string;
  @Index() @Property() price?: number;
  @Property() note!: string;
}

@ClusterEntity({ name: 'Member' })
class Member {
  declare readonly [Shape]: { key: 'id'; indexed: 'email' | 'team' };
  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() email!: string;
  @Index({ scope: 'global', buckets: 2 }) @Property() team?: string;
  @Property() note!: string;
  // @ts-expect-error there is no such scope
  @Index({ scope: 'everywhere' }) @Property() other!: string;
  // @ts-expect-error a unique constraint has no buckets to choose
  @Unique({ scope: 'global', buckets: 2 }) @Property() more!: string;
}

export async function globals(members: ClusterRepository<Member>): Promise<void> {
  const found: Member[] = await members.findBy({ team: { startsWith: 'a' } });
  await members.findOneBy({ email: 'a' });
  members.stream({ team: 'a' });
  const { swept }: { swept: number } = await members.sweepGlobals({ limit: 10 });
  // @ts-expect-error not indexed
  await members.findBy({ note: 'a' });
  // @ts-expect-error not of its type
  await members.countBy({ email: 1 });
  assertShape(Member, { key: { id: true }, indexed: { email: true, team: true } });
  // @ts-expect-error one is missing
  assertShape(Member, { key: { id: true }, indexed: { email: true } });
  void [found, swept];
}

@ClusterEntity({ name: 'Plain' })
class Plain {
  @PrimaryKey() id!: string;
  @Counter() views!: number;
  @Property() text!: string;
  @Property({ enum: ['x', 'y'] }) kind!: 'x' | 'y';
}

export class Misdecorated {
  // @ts-expect-error a counter is a number or a bigint
  @Counter() views!: string;
  // @ts-expect-error a version is a number
  @Version() version!: string;
  // @ts-expect-error an id is a string, a number or a bigint
  @PrimaryKey() id!: Date;
  // @ts-expect-error there is no such generator
  @PrimaryKey({ generate: 'uuid' }) other!: string;
}

export async function keys(
  orders: ClusterRepository<Order>,
  items: ClusterRepository<OrderItem>,
  plain: ClusterRepository<Plain>,
): Promise<void> {
  const order: Order | null = await orders.findOne('1');
  await items.findOne({ orderId: '1', id: 2 });
  await items.findMany([{ orderId: '1', id: 2 }]);
  await plain.findOne('1');
  await plain.findOne({ id: '1' });
  // @ts-expect-error the id is a string
  await orders.findOne(1);
  // @ts-expect-error the key is one property, and given bare
  await orders.findOne({ id: '1' });
  // @ts-expect-error the key has two properties
  await items.findOne(2);
  // @ts-expect-error one is missing
  await items.findOne({ id: 2 });
  // @ts-expect-error the id is a number
  await items.delete({ orderId: '1', id: '2' });
  // @ts-expect-error no such property
  await plain.findOne({ key: '1' });
  // @ts-expect-error the partition key is a string or a number here
  items.partition(true);
  void order;
}

export async function wheres(
  tickets: ClusterRepository<Ticket>,
  plain: ClusterRepository<Plain>,
): Promise<void> {
  const found: Ticket[] = await tickets.findBy({ orderId: '1', price: { gt: 1, lte: 2 } });
  await tickets.findOneBy({ orderId: '1', seat: 'A' });
  await tickets.countBy({ orderId: '1', seat: { startsWith: 'A' }, price: { in: [1, 2] } });
  const { items, cursor } = await tickets.findPage({ orderId: '1' }, { limit: 10 });
  await plain.findBy({ text: { startsWith: 'x' } });
  // @ts-expect-error not indexed
  await tickets.findBy({ orderId: '1', note: 'x' });
  // @ts-expect-error a partition is named by a value
  await tickets.findBy({ orderId: { gt: '1' } });
  // @ts-expect-error not of its type
  await tickets.findBy({ orderId: '1', price: { gt: 'x' } });
  // @ts-expect-error for strings
  await tickets.findBy({ orderId: '1', price: { startsWith: 'x' } });
  // @ts-expect-error not for an enum
  await plain.findBy({ kind: { startsWith: 'x' } });
  // @ts-expect-error no such operator
  await tickets.findBy({ orderId: '1', price: { near: 1 } });
  // @ts-expect-error a limit is a number
  await tickets.findPage({ orderId: '1' }, { limit: '20' });
  await tickets.findPage({ orderId: '1', price: { eq: 1 } });
  await tickets.findBy({ orderId: '1' }, { order: { price: 'desc', id: 'desc' }, limit: 5, offset: 5 });
  await tickets.findBy({ orderId: '1', or: [{ price: { not: 1 } }, { seat: { notIn: ['a'] } }] });
  await tickets.findBy({ orderId: '1', note: { startsWith: 'x', ignoreCase: true } }, { scan: true });
  await plain.findBy({ text: 'x', or: [{ kind: 'x' }] }, { order: { text: 'asc' } });
  // @ts-expect-error the note has no index
  await tickets.findBy({ orderId: '1', note: 'x' });
  // @ts-expect-error nor in an alternative
  await tickets.findBy({ orderId: '1', or: [{ note: 'x' }] });
  // @ts-expect-error no index sorts by it
  await tickets.findBy({ orderId: '1' }, { order: { note: 'asc' } });
  // @ts-expect-error an index is read in one direction
  await tickets.findBy({ orderId: '1' }, { order: { price: 'asc', seat: 'desc' } });
  // @ts-expect-error no such direction
  await tickets.findBy({ orderId: '1' }, { order: 'up' });
  // @ts-expect-error stands alone
  await tickets.findBy({ orderId: '1', price: { in: [1], not: 2 } });
  // @ts-expect-error for strings
  await tickets.findBy({ orderId: '1', price: { eq: 1, ignoreCase: true } });
  void [found, items, cursor];
}

export async function writes(
  orders: ClusterRepository<Order>,
  items: ClusterRepository<OrderItem>,
  plain: ClusterRepository<Plain>,
): Promise<void> {
  orders.create({ note: 'x' });
  await orders.update('1', { note: null }, { ifVersion: 1 });
  const views: number = await orders.increment('1', 'views');
  const reserved: bigint = await items.increment({ orderId: '1', id: 2 }, 'reserved', 2n);
  await plain.increment('1', 'views');
  // @ts-expect-error a counter is incremented
  await orders.update('1', { views: 1 });
  // @ts-expect-error it is zero at first
  orders.create({ views: 1 });
  // @ts-expect-error a key stays
  await orders.update('1', { id: '2' });
  // @ts-expect-error not of its type
  await orders.update('1', { note: 1 });
  // @ts-expect-error no such property
  await orders.update('1', { nothing: 1 });
  // @ts-expect-error a method is no property
  await orders.update('1', { total: () => 1 });
  // @ts-expect-error not a counter
  await orders.increment('1', 'version');
  // @ts-expect-error neither a number nor a bigint
  await plain.increment('1', 'text');
  // @ts-expect-error another entity
  await orders.save(new OrderItem());
  void [views, reserved];
}

export async function transactions(tx: PartitionTransaction): Promise<void> {
  const item: OrderItem | null = await tx.get(OrderItem, { orderId: '1', id: 2 });
  tx.increment(OrderItem, { orderId: '1', id: 2 }, 'reserved', 1n);
  // @ts-expect-error the key has two properties
  await tx.get(OrderItem, '1');
  // @ts-expect-error not a counter
  tx.increment(OrderItem, { orderId: '1', id: 2 }, 'quantity');
  void item;
}

export function shapes(): void {
  assertShape(Ticket, { key: { orderId: true, id: true }, indexed: { seat: true, price: true } });
  // @ts-expect-error one is missing
  assertShape(Ticket, { key: { orderId: true, id: true }, indexed: { seat: true } });
  assertShape(Order, { key: { id: true }, counters: { views: true } });
  // @ts-expect-error one is missing
  assertShape(OrderItem, { key: { id: true }, counters: { reserved: true } });
  // @ts-expect-error one is too many
  assertShape(Order, { key: { id: true, note: true }, counters: { views: true } });
  // @ts-expect-error the counters are missing
  assertShape(Order, { key: { id: true } });
}

@ClusterEntity({ name: 'Hooked', ttl: '30d' })
export class Hooked {
  @PrimaryKey() id!: string;
  @ExpiresAt() until?: Date;
  // @ts-expect-error an expiry is a Date
  @ExpiresAt() wrong!: number;
  @BeforeInsert() protected async prepare(): Promise<void> {
    await Promise.resolve(this.prepare);
  }
  // @ts-expect-error a hook has no arguments
  @AfterLoad() loaded(name: string): string {
    return name;
  }
}

export async function more(
  orders: ClusterRepository<Order>,
  tickets: ClusterRepository<Ticket>,
  tx: PartitionTransaction,
): Promise<void> {
  await orders.update(
    '1',
    { note: 'x' },
    { where: { note: null }, durability: { replicas: 1, timeoutMs: 1 } },
  );
  // @ts-expect-error a condition is on a property
  await orders.update('1', { note: 'x' }, { where: { views: 1 } });
  await orders.expire('1', new Date());
  await orders.persist('1');
  await tickets.sweepExpired({ partition: '1', limit: 5 });
  // @ts-expect-error a Date or milliseconds
  await orders.expire('1', 'tomorrow');
  const [saved] = await orders.saveMany([new Order()]);
  const order: Order | Error = saved.ok ? saved.value : saved.error;
  // @ts-expect-error the value is there where it is ok
  void saved.value;
  await tickets.deleteMany([{ orderId: '1', id: '2' }]);
  // @ts-expect-error the key has two properties
  await tickets.deleteMany(['1']);
  const found: Ticket[] = await tx.find(Ticket, { orderId: '1', price: { gt: 1 } });
  // @ts-expect-error not indexed
  await tx.find(Ticket, { orderId: '1', note: 'x' });
  const [[owner], all] = await orders.partition('1').loadAll([Order, Ticket]);
  const both: [Order, Ticket[]] = [owner, all];
  for await (const ticket of tickets.stream({ orderId: '1', seat: 'A' })) void ticket.price;
  tickets.observe().subscribe((ticket: Ticket) => ticket.seat);
  // @ts-expect-error not indexed
  tickets.stream({ orderId: '1', note: 'x' });
  void [order, found, both];
}

@ClusterEntity({ name: 'Shelf' })
class Shelf {
  declare readonly [Shape]: { key: 'id'; counters: 'views' };
  @PrimaryKey() id!: string;
  @Property() note?: string;
  @Counter() views!: number;
  @SetOf(String) tags!: ClusterSet<string>;
  @ListOf(Date) days?: ClusterList<Date>;
  @SortedSetOf({ enum: ['a', 'b'] }) ranks!: ClusterSortedSet<'a' | 'b'>;
  @HashOf(() => BigInt) cents!: ClusterHash<bigint>;
  @HashOf(String) words!: ClusterHash<string>;
  @StreamOf({ transformer: { to: String, from: Number } }) log!: ClusterStream<number>;
}

@ClusterEntity({ name: 'Rack' })
class Rack {
  @PrimaryKey() id!: string;
  @Property() note?: string;
  @SetOf(String) tags!: ClusterSet<string>;
}

export class MisdecoratedCollections {
  // @ts-expect-error its handle is a ClusterSet
  @SetOf(String) set!: ClusterList<string>;
  // @ts-expect-error not an array
  @ListOf(String) list!: string[];
  // @ts-expect-error the elements have a type
  @StreamOf() stream!: ClusterStream<string>;
}

export async function collections(
  shelves: ClusterRepository<Shelf>,
  racks: ClusterRepository<Rack>,
  tx: PartitionTransaction,
): Promise<void> {
  const shelf = shelves.create({ note: 'x' });
  const added: number = await shelf.tags.with({ deadlineMs: 100 }).add('a', 'b');
  const rank: number | null = await shelf.ranks.rank('a', { reverse: true });
  const cents: bigint = await shelf.cents.increment('x', 1n);
  for await (const { id, value } of shelf.log) void [id.length, value.toFixed()];
  const words: Map<string, string> = await shelves.collection('1', 'words').getAll();
  const days: ClusterList<Date> = shelves.collection('1', 'days');
  tx.collection(Shelf, '1', 'ranks').increment('a', 2);
  const nothing: void = tx.collection(Shelf, '1', 'tags').add('a');
  // @ts-expect-error not of its type
  await shelf.tags.add(1);
  // @ts-expect-error texts are not incremented
  await shelf.words.increment('x', 1);
  // @ts-expect-error it is no part of what is created
  shelves.create({ tags: new Set(['a']) });
  // @ts-expect-error nor of a patch
  await shelves.update('1', { tags: shelf.tags });
  // @ts-expect-error nor, if it may be absent
  await shelves.update('1', { days: null });
  // @ts-expect-error nor of a condition
  await shelves.update('1', { note: 'x' }, { where: { tags: shelf.tags } });
  // @ts-expect-error nor of a where
  await shelves.findBy({ id: '1', tags: shelf.tags });
  // @ts-expect-error nor without a Shape
  await racks.findBy({ tags: shelf.tags });
  // @ts-expect-error nor of a key
  await racks.findOne({ tags: shelf.tags });
  // @ts-expect-error nor of a patch
  await racks.update('1', { tags: null });
  // @ts-expect-error no collection
  shelves.collection('1', 'note');
  // @ts-expect-error no collection
  tx.collection(Shelf, '1', 'note');
  // @ts-expect-error a transaction does not read
  tx.collection(Shelf, '1', 'tags').members();
  // @ts-expect-error nor take what it would have to give
  tx.collection(Shelf, '1', 'tags').pop();
  // @ts-expect-error not of its type
  tx.collection(Shelf, '1', 'ranks').add('c', 1);
  void [added, rank, cents, words, days, nothing];
}

@ClusterEntity({ name: 'Seat', partition: () => Order })
class Seat {
  declare readonly [Shape]: {
    key: 'orderId' | 'line';
    partition: 'orderId';
    indexed: 'row' | 'kind';
    fixed: 'version' | 'label';
  };
  @PartitionKey() orderId!: string;
  @PrimaryKey() line!: number;
  @Index() @Property() row!: string;
  @Index() @Property({ enum: ['a', 'b'] }) kind?: 'a' | 'b';
  @Property() note: string | null = null;
  @Version() version!: number;
  get label(): string {
    return this.row;
  }
}

@ClusterEntity({ name: 'Worker', partition: () => Order })
class Worker {
  declare readonly [Shape]: {
    key: 'orderId' | 'id';
    partition: 'orderId';
    indexed: 'mail' | 'state';
    global: 'mail';
  };
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: number;
  @Unique({ scope: 'global' }) @Property() mail!: string;
  @Index() @Property() state?: string;
}

export async function stated(
  seats: ClusterRepository<Seat>,
  workers: ClusterRepository<Worker>,
  orders: ClusterRepository<Order>,
  members: ClusterRepository<Member>,
): Promise<void> {
  await seats.findBy({ orderId: '1', row: 'x', kind: { in: ['a'] } });
  await workers.findOneBy({ mail: 'x' });
  await workers.countBy({ orderId: '1', state: { gte: 'a', lt: 'b' } });
  seats.partition('1');
  seats.create({ orderId: '1', line: 1, note: 'x' });
  await seats.update({ orderId: '1', line: 1 }, { kind: null }, { where: { row: 'x' } });
  // @ts-expect-error a where names its partition
  await seats.findBy({ row: 'x' });
  // @ts-expect-error the primary key is in no index
  await seats.findBy({ orderId: '1', line: 1 });
  // @ts-expect-error nor is it where a global index answers
  await workers.findBy({ orderId: '1', id: 1 });
  // @ts-expect-error a partition of its own is found by its key
  await orders.findBy({ id: '1' });
  // @ts-expect-error nor beside a global index
  await members.findBy({ id: '1', team: 'a' });
  // @ts-expect-error the partition key is a string, whatever the primary key is
  seats.partition(1);
  // @ts-expect-error a getter is not stored
  seats.create({ label: 'x' });
  // @ts-expect-error nor is a version written
  seats.create({ version: 1 });
  // @ts-expect-error nor patched
  await seats.update({ orderId: '1', line: 1 }, { version: 1 });
  // @ts-expect-error a property that must have a value is not removed
  await seats.update({ orderId: '1', line: 1 }, { row: null });
  // @ts-expect-error `in` stands alone
  await seats.findBy({ orderId: '1', row: { startsWith: 'x', in: ['x'] } });
  // @ts-expect-error so does `eq`
  await seats.findBy({ orderId: '1', row: { eq: 'x', gt: 'a' } });
  // @ts-expect-error an enum does not begin with anything
  await seats.findBy({ orderId: '1', kind: { startsWith: 'a' } });
  assertShape(Seat, {
    key: { orderId: true, line: true },
    partition: { orderId: true },
    indexed: { row: true, kind: true },
    fixed: { version: true, label: true },
  });
  // @ts-expect-error the global ones are missing
  assertShape(Worker, {
    key: { orderId: true, id: true },
    partition: { orderId: true },
    indexed: { mail: true, state: true },
  });
}

/** A service of any entity takes its keys, wheres and patches as the types that belong to it. */
export class Service<E extends object> {
  constructor(private readonly rows: ClusterRepository<E>) {}
  one(id: KeyOf<E>): Promise<E | null> {
    return this.rows.findOne(id);
  }
  all(where: Where<E>): Promise<E[]> {
    return this.rows.findBy(where);
  }
  first(partition: PartitionKeyOf<E>): Promise<{ swept: number }> {
    return this.rows.sweepExpired({ partition });
  }
  change(id: KeyOf<E>, patch: Patch<E>): Promise<unknown> {
    return this.rows.update(id, patch);
  }
}

export function services(
  orders: ClusterRepository<Order>,
  seats: ClusterRepository<Seat>,
): [Promise<Order | null>, Promise<Seat | null>] {
  return [new Service(orders).one('1'), new Service(seats).one({ orderId: '1', line: 1 })];
}

@ClusterEntity({ name: 'Whole' })
class Whole {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() note?: string;
  @HasMany(() => Piece, { cascade: 'delete' }) pieces!: Related<Piece[]>;
  @HasMany(() => Piece) others?: Related<Piece[]>;
  // @ts-expect-error a relation of several rows is Related<Piece[]>
  @HasMany(() => Piece) bare!: Piece[];
  // @ts-expect-error the class is another one
  @HasMany(() => Order) wrong!: Related<Piece[]>;
  // @ts-expect-error the only value is 'delete'
  @HasMany(() => Piece, { cascade: 'all' }) all!: Related<Piece[]>;
}

@ClusterEntity({ name: 'Piece', partition: () => Whole })
class Piece {
  @PartitionKey() wholeId!: string;
  @PrimaryKey() id!: string;
  @BelongsTo(() => Whole) whole!: Related<Whole | null>;
  // @ts-expect-error the row may be missing: Related<Whole | null>
  @BelongsTo(() => Whole) sure!: Related<Whole>;
}

export async function relations(
  wholes: ClusterRepository<Whole>,
  pieces: ClusterRepository<Piece>,
): Promise<void> {
  const loaded = (await wholes.findOne('1', { with: ['pieces', 'others'] }))!;
  const ids: string[] = loaded.pieces.map((piece) => piece.id);
  const other: Piece | undefined = loaded.others[0];
  // @ts-expect-error a relation is not assigned
  loaded.pieces = [];
  // @ts-expect-error nor is it changed
  loaded.pieces.push(new Piece());
  // @ts-expect-error whole was not loaded
  loaded.pieces[0].whole?.note?.at(0);
  await wholes.save(loaded);
  const plain = await wholes.findOneOrFail('1');
  // @ts-expect-error pieces were not loaded
  plain.pieces.map((piece) => piece);
  // @ts-expect-error pieces were not loaded
  const list: readonly Piece[] = plain.pieces;
  const some = await wholes.findMany(['1'], { with: ['pieces'] });
  const count: number | undefined = some[0]?.pieces.length;
  // @ts-expect-error others were not loaded
  some[0]?.others?.length.toFixed();
  // @ts-expect-error it has no such relation
  await wholes.findOne('1', { with: ['piece'] });
  // @ts-expect-error a property is no relation
  await wholes.findOne('1', { with: ['note'] });
  const piece = await pieces.findOneOrFail({ wholeId: '1', id: '1' }, { with: ['whole'] });
  const note: string | undefined = piece.whole?.note;
  // @ts-expect-error the row may be missing
  const sure: Whole = piece.whole;
  // @ts-expect-error a relation is not created
  wholes.create({ id: '1', pieces: [] });
  // @ts-expect-error nor patched
  await wholes.update('1', { pieces: [] });
  void [ids, other, list, count, note, sure];
}

export async function selects(
  tickets: ClusterRepository<Ticket>,
  plain: ClusterRepository<Plain>,
  orders: ClusterRepository<Order>,
  tx: PartitionTransaction,
): Promise<void> {
  const ticket = await tickets.findOneOrFail({ orderId: '1', id: '2' }, { select: ['note'] });
  const values: readonly [note: string, orderId: string, id: string] = [
    ticket.note,
    ticket.orderId,
    ticket.id,
  ];
  const whole: Ticket | null = await tickets.findOne({ orderId: '1', id: '2' }, {});
  const list: Ticket[] = await tickets.findBy({ orderId: '1' }, { limit: 5, select: undefined });
  const [found] = await tickets.findBy({ orderId: '1' }, { select: ['price'], limit: 1 });
  const price: number | undefined = found.price;
  const [one] = await tickets.findMany([{ orderId: '1', id: '2' }], { select: ['seat'] });
  const seat: string | undefined = one?.seat;
  const { items } = await tickets.findPage({ orderId: '1' }, { select: ['seat'], limit: 1 });
  for await (const row of tickets.stream({ orderId: '1' }, { select: ['seat'] })) void row.seat;
  const everything = await plain.findOneOrFail('1', { select: ['id', 'views', 'text', 'kind'] });
  // @ts-expect-error not selected
  void ticket.seat;
  // @ts-expect-error not selected
  void items[0].note;
  // @ts-expect-error what was read is frozen
  ticket.note = 'x';
  // @ts-expect-error no such property
  await tickets.findOne({ orderId: '1', id: '2' }, { select: ['nota'] });
  // @ts-expect-error a method is not a property
  await orders.findOne('1', { select: ['total'] });
  // @ts-expect-error misspelt
  await orders.findOne('1', { selects: ['note'] });
  // @ts-expect-error read with select
  await tickets.save(ticket);
  // @ts-expect-error read with select, although nothing is missing
  await plain.save(everything);
  // @ts-expect-error read with select
  await plain.saveMany([everything]);
  // @ts-expect-error read with select
  await plain.remove(everything);
  // @ts-expect-error a copy of what was read with select
  await plain.upsert({ ...everything, text: 'x' });
  // @ts-expect-error read with select
  tx.save(everything);
  // @ts-expect-error read with select
  tx.remove(ticket);
  void [values, whole, list, price, seat];
}

/** Repositories of any class can pass on their entities. */
export async function passedOn<E extends object>(repository: ClusterRepository<E>, entity: E): Promise<E> {
  const found: E | null = await repository.findOne(1 as KeyOf<E>);
  return repository.save(found ?? entity);
}

@ClusterEntity({ name: 'Evolved', dropped: ['note'] })
class Evolved {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property({ default: 3, required: true }) priority!: number;
  @Property({ renamedFrom: ['title', 'label'], keepFormer: true, maxLength: 80 }) name!: string;
  @Property({ convertFrom: { type: String, convert: (text: string) => Number(text) } }) price?: number;
  // @ts-expect-error a length is a number
  @Property({ maxLength: '80' }) other?: string;
  // @ts-expect-error a former type comes with its conversion
  @Property({ convertFrom: { type: String } }) cents?: number;
  // @ts-expect-error misspelt
  @Property({ renamedForm: 'title' }) more?: string;
}

export async function migrations(evolved: ClusterRepository<Evolved>): Promise<void> {
  const { cursor, failed } = await evolved.migrate({ batch: 5, onProgress: ({ done }) => done.toFixed() });
  const ids: string[] = failed.map(({ key }) => key);
  await evolved.migrate({ cursor, signal: AbortSignal.timeout(5) });
  // @ts-expect-error misspelt
  await evolved.migrate({ batchSize: 5 });
  void ids;
}
