import {
  ClusterClient,
  ClusterEntity,
  createRepositories,
  PrimaryKey,
  Property,
  Shape,
  Version,
  type EntityRegistry,
} from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { Relays } from '../fake-node.js';
import { Book, Librarian, pickKnown, Shelf } from './lost-replies/librarian.js';

const OPERATIONS = Number(process.env.KEYSLOT_LOST_REPLIES ?? 12_000);
const WORKERS = 40;
const PARTITIONS = 12;
/** Of the requests that write, so many are executed and never answered. */
const LOST = 1 / 100;
/** After so many of them every connection is cut at once, wherever its requests are. */
const CUT = 1 / 1_000;

const shared = sharedCluster();
let relays: Relays;
let client: ClusterClient;
/** Goes past the relays. */
let truth: ClusterClient;
let registry: EntityRegistry;
let lost = 0;
let cuts = 0;
beforeAll(async () => {
  truth = new ClusterClient({ nodes: shared.nodes, keyPrefix: shared.keyspace });
  await truth.connect();
  relays = await Relays.start(truth.topology.nodes);
  client = new ClusterClient({ ...relays.options, keyPrefix: shared.keyspace });
  await client.connect();
  registry = createRepositories(client, [Shelf, Book]);
});
afterAll(async () => {
  await client?.close();
  await truth?.close();
  await relays?.stop();
});

function loseReplies(): void {
  for (const relay of relays.all)
    relay.losesReplyTo = ([name]) => {
      if (name.toLowerCase() !== 'evalsha') return false;
      if (Math.random() < CUT) {
        cuts++;
        setImmediate(() => relay.cut());
      }
      const isLost = Math.random() < LOST;
      if (isLost) lost++;
      return isLost;
    };
}

it(`${OPERATIONS} operations whose replies are lost: none is applied twice, and none is reported wrongly`, async () => {
  const shelves = registry.repository(Shelf);
  const ids = Array.from({ length: PARTITIONS }, (_, i) => `shelf${i}`);
  const before = await Promise.all(ids.map((id) => shelves.insert(shelves.create({ id }))));
  const librarians = Array.from(
    { length: WORKERS },
    (_, i) => new Librarian(registry, ids[i % PARTITIONS], i),
  );
  let begun = 0;
  const nextIsDue = (): boolean => {
    if (begun % 1_000 === 0) relays.forget();
    return begun++ < OPERATIONS;
  };
  loseReplies();
  try {
    await Promise.all(librarians.map((librarian) => librarian.work(nextIsDue)));
  } finally {
    for (const relay of relays.all) relay.losesReplyTo = () => false;
  }

  const faults = librarians.flatMap(({ wrong }) => wrong);
  const past = createRepositories(truth, [Shelf, Book]);
  const [books, found] = [past.repository(Book), past.repository(Shelf)];
  for (const [i, shelfId] of ids.entries()) {
    const its = librarians.filter((librarian) => librarian.shelfId === shelfId);
    const due = its.flatMap((librarian) =>
      [...librarian.books].map(([id, book]) => JSON.stringify([id, pickKnown(book)])),
    );
    const there: string[] = [];
    for await (const book of books.stream({ shelfId }))
      there.push(JSON.stringify([book.id, pickKnown(book)]));
    expect(there.toSorted()).toEqual(due.toSorted());
    for await (const issue of books.verifyIndexes({ partition: shelfId })) faults.push(JSON.stringify(issue));
    const sum = (of: (librarian: Librarian) => number): number =>
      its.reduce((all, each) => all + of(each), 0);
    const checks = sum((librarian) => librarian.checks);
    expect(await found.findOneOrFail(shelfId)).toMatchObject({
      checked: checks,
      version: before[i].version + checks,
      visits: sum(({ visits }) => visits),
    });
  }
  const counts = new Map<string, number>();
  for (const librarian of librarians)
    for (const [name, count] of librarian.counts) counts.set(name, (counts.get(name) ?? 0) + count);
  const table = [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
  console.log(
    `${table}; ${lost} replies lost, ${cuts} times all connections of a node cut, ${faults.length} wrong`,
  );
  expect(faults).toEqual([]);
  expect(lost).toBeGreaterThan(OPERATIONS / 1_000);
}, 600_000);

/** Without a window: its rows have to remember by themselves. */
@ClusterEntity({ name: 'Visitor' })
class Visitor {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() seen: number = 0;
  @Version() version!: number;
}

it('a write that its row has forgotten by the time it is answered has an unknown outcome, and is not applied twice', async () => {
  const visitors = createRepositories(client, [Visitor]).repository(Visitor);
  const others = createRepositories(truth, [Visitor]).repository(Visitor);
  for (const options of [{}, { durability: { replicas: 1, timeoutMs: 5_000 } }]) {
    const { id, version } = await visitors.insert(visitors.create({ id: JSON.stringify(options) }));
    for (const relay of relays.all) relay.losesReplyTo = ([name]) => /^eval/i.test(name);
    const outcome = visitors.update(id, { seen: 100 }, options).catch((error: unknown) => error);
    await eventually(async () => (await others.findOneOrFail(id)).version > version);
    for (let seen = 1; seen <= 5; seen++) await others.update(id, { seen });
    for (const relay of relays.all) relay.losesReplyTo = () => false;
    expect(await outcome).toMatchObject({ code: 'OUTCOME_UNKNOWN', applied: 'unknown' });
    expect(await others.findOneOrFail(id)).toMatchObject({ seen: 5, version: version + 6 });
  }
});
