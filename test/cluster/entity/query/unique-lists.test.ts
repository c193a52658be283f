import { type ClusterRepository, createRepositories } from 'keyslot';
import { Device, User } from '../global/fixtures.js';
import { Order, Ticket, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();
const orderId = freshId();
const COUNT = 620;

let tickets: ClusterRepository<Ticket>;
let users: ClusterRepository<User>;
let seats: string[];
let emails: string[];

beforeAll(async () => {
  const registry = createRepositories(cluster.client, [Order, Ticket, User, Device]);
  tickets = registry.repository(Ticket);
  users = registry.repository(User);
  const numbers = Array.from({ length: COUNT }, (_, i) => String(i).padStart(4, '0'));
  seats = numbers.map((number) => `seat ${number}`);
  emails = numbers.slice(0, 150).map((number) => `${number}@${orderId}`);
  // In the order of the values, and so not in that of the ids.
  const written = [
    ...(await tickets.saveMany(
      seats.map((seat, i) => tickets.create({ orderId, id: `${COUNT - i}`, seat })),
    )),
    ...(await users.saveMany(emails.map((email, i) => users.create({ id: `${orderId} ${i}`, email })))),
  ];
  expect(written.every(({ ok }) => ok)).toBe(true);
});

const absent = (values: readonly string[]): string[] => values.flatMap((value) => [value, `no ${value}`]);

it('a list of unique values finds all of their rows, in the order of the values', async () => {
  const where = { orderId, seat: { in: seats.toReversed() } };
  const found = await tickets.findBy(where);
  expect(found.map(({ seat }) => seat)).toEqual(seats);
  expect(await tickets.countBy(where)).toBe(COUNT);
  expect(await tickets.findBy(where, { limit: 501 })).toHaveLength(501);

  const streamed: (string | undefined)[] = [];
  for await (const { seat } of tickets.stream(where)) streamed.push(seat);
  expect(streamed).toEqual(seats);
});

it.each([
  ['of a partition', () => tickets, () => ({ orderId, seat: { in: absent(seats.slice(0, 150)) } })],
  ['over all partitions', () => users, () => ({ email: { in: absent(emails) } })],
])('a query by a list of unique values %s is read in pages', async (_, repository, whereOf) => {
  const pages = repository() as unknown as ClusterRepository<Ticket>;
  const where = whereOf() as never;
  const seen: string[] = [];
  const sizes: number[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await pages.findPage(where, { limit: 40, cursor });
    seen.push(...page.items.map(({ id }) => id));
    sizes.push(page.items.length);
    if (!(cursor = page.cursor)) break;
  }
  expect(sizes).toEqual([40, 40, 40, 30]);
  expect(new Set(seen).size).toBe(150);
  let streamed = 0;
  for await (const row of pages.stream(where, { batchSize: 33 })) if (row) streamed++;
  expect(streamed).toBe(150);
  expect(await pages.findBy(where)).toHaveLength(150);
  expect(await pages.countBy(where)).toBe(150);
});

it('a cursor is valid only for the list that it came from', async () => {
  const { cursor } = await tickets.findPage({ orderId, seat: { in: seats.slice(0, 9) } }, { limit: 5 });
  await expect(
    tickets.findPage({ orderId, seat: { in: seats.slice(100, 110) } }, { limit: 5, cursor }),
  ).rejects.toThrow('The cursor does not belong to this query');
});
