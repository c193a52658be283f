import {
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  type EntityRegistry,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  Unique,
} from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';
import { Order, freshId } from '../fixtures.js';

@ClusterEntity({ name: 'Letter', partition: () => Order, changes: true })
class Letter {
  declare readonly [Shape]: { key: 'orderId' | 'id'; indexed: 'state' | 'code' };

  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() state?: string;
  @Unique({ scope: 'global' }) @Property() code?: string;
}

const { nodes, keyspace } = sharedCluster();
const chosen: string[] = [];
const orderId = freshId();
let client: ClusterClient;
let registry: EntityRegistry;
let letters: ClusterRepository<Letter>;
beforeAll(async () => {
  client = new ClusterClient({
    nodes,
    keyPrefix: keyspace,
    readFrom: (candidates, command) => {
      chosen.push(command);
      return candidates[0];
    },
  });
  registry = createRepositories(client, [Order, Letter]);
  letters = registry.repository(Letter);
  await client.connect();
  for (const id of ['1', '2', '3'])
    await letters.insert(letters.create({ orderId, id, state: 's', code: id }));
});
afterAll(() => client.close());

/** What a call reads from nodes of the client's own choice, which may lag behind. */
async function choices(call: () => Promise<unknown>): Promise<string[]> {
  chosen.length = 0;
  await call();
  return chosen.map((command) => command.toLowerCase());
}

it('reads of repositories use the readFrom of the client', async () => {
  expect(await choices(() => letters.findOne({ orderId, id: '1' }))).toEqual(['hmget', 'exists']);
  expect(await choices(() => letters.findBy({ orderId, state: 's' }))).toContain('zrangebylex');
});

it.each<[string, () => Promise<unknown>]>([
  [
    'a transaction',
    () =>
      letters.transaction(orderId, async (tx) => {
        const [letter] = await tx.find(Letter, { orderId, state: 's' });
        await tx.get(Letter, { orderId, id: '2' });
        tx.save(Object.assign(letter, { state: 's' }));
      }),
  ],
  ['a change of a global unique', () => letters.update({ orderId, id: '3' }, { code: `${orderId} 3` })],
  ['the schema record', () => registry.checkSchemas()],
  ['the cursor of changes', () => letters.changesCursor(orderId)],
  [
    'changes',
    async () => {
      let seen = 0;
      const subscription = letters.changes(orderId, { from: 'start' }).subscribe(() => seen++);
      await eventually(() => seen >= 3);
      subscription.unsubscribe();
    },
  ],
  ['a sweep', () => letters.sweepExpired({ partition: orderId })],
  [
    'verifyIndexes',
    async () => {
      for await (const issue of letters.verifyIndexes({ partition: orderId })) expect(issue).toBeUndefined();
    },
  ],
  [
    'reindex',
    async () => {
      for await (const { unresolved } of letters.reindex({ partition: orderId }))
        expect(unresolved).toEqual([]);
    },
  ],
])('the reads of %s go to primaries', async (_, call) => {
  expect(await choices(call)).toEqual([]);
});

it('a polling interval that is too long for a timer is rejected', () => {
  for (const pollMs of [2 ** 31, 30 * 24 * 3_600_000, 0])
    expect(() => letters.changes(orderId, { pollMs })).toThrow('pollMs');
});
