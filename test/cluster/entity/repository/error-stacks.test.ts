import { type ClusterRepository, createRepositories, keyslotChannel } from 'keyslot';
import { freshId, OrderItem, Order, sharedClient } from '../fixtures.js';

const cluster = sharedClient();
let items: ClusterRepository<OrderItem>;
const orderId = freshId();
const key = { orderId, id: 1 };
const missing = { orderId, id: 2 };
const another = (): OrderItem => items.create(key);

beforeAll(async () => {
  items = createRepositories(cluster.client, [Order, OrderItem]).repository(OrderItem);
  await items.insert(another());
});

const FAILING: Record<string, () => Promise<unknown>> = {
  insert: () => items.insert(another()),
  'save of a new entity': () => items.save(another()),
  'save of an old version': async () => {
    const old = await items.findOneOrFail(key);
    await items.update(key, { quantity: 7 });
    return callSave(Object.assign(old, { quantity: 8 }));
  },
  update: () => items.update(missing, { quantity: 1 }),
  increment: () => items.increment(missing, 'reserved'),
  findOneOrFail: () => items.findOneOrFail(missing),
  transaction: () => items.transaction(orderId, async (tx) => tx.insert(another())),
  'transaction of a partition': () =>
    items.partition(orderId).transaction(async (tx) => tx.insert(another())),
  'insert under a lock': () =>
    items.withLock(orderId, (lock) => lock.repository(OrderItem).insert(another())),
};
const callSave = (entity: OrderItem): Promise<unknown> => items.save(entity);

async function callerOfOperation(call: () => Promise<unknown>): Promise<void> {
  await call();
}

describe.each(['nobody', 'somebody'])('while %s listens to keyslot:entity, an error of', (who) => {
  const listener = (): void => {};
  if (who === 'somebody') {
    beforeAll(() => keyslotChannel('keyslot:entity').start.subscribe(listener));
    afterAll(() => void keyslotChannel('keyslot:entity').start.unsubscribe(listener));
  }

  it.each(Object.entries(FAILING))('%s shows the function that awaits it', async (_name, call) => {
    const error: Error = await callerOfOperation(call).then(
      () => new Error('nothing was thrown'),
      (reason: Error) => reason,
    );
    expect(error).toHaveProperty('code');
    expect(error.stack).toMatch(/at (async )?callerOfOperation /);
  });
});
