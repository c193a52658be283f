import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import {
  ClusterClient,
  ClusterEntity,
  PartitionKey,
  PrimaryKey,
  Property,
  createRepositories,
  isChangeOf,
} from 'keyslot';
import { eventually, sharedCluster } from '../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();

@ClusterEntity({ name: 'Cart', changes: true })
class Cart {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() owner?: string;
}

@ClusterEntity({ name: 'CartLine', partition: () => Cart, changes: { values: true } })
class CartLine {
  @PartitionKey() cartId!: string;
  @PrimaryKey() sku!: string;
  @Property() quantity: number = 1;
}

const squeezed = (code: string): string => code.replace(/\s+/g, ' ').trim();

// Every block of the page stands in this file as it stands there.
describe('docs/changes-and-locks.md', () => {
  it('shows only code that is executed here', () => {
    const page = readFileSync(new URL('../../../docs/changes-and-locks.md', import.meta.url), 'utf8');
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
    expect(blocks.length).toBeGreaterThan(3);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  let cluster: ClusterClient;
  beforeEach(() => (cluster = new ClusterClient({ nodes, keyPrefix: keyspace })));
  afterEach(() => cluster.close());

  it('locks a partition during long work', async () => {
    const carts = createRepositories(cluster, [Cart]).repository(Cart);
    const lookUp = (owner: string | undefined, signal: AbortSignal): Promise<string> =>
      Promise.resolve(`${owner} ${signal.aborted}`);
    const cart = await carts.insert(carts.create({ owner: 'ada' }));

    const sold = await carts.withLock(cart.id, async (lock) => {
      const repository = lock.repository(Cart);
      const found = await repository.findOneOrFail(cart.id);
      found.owner = await lookUp(found.owner, lock.signal);
      await repository.save(found);
      return lock.token;
    });
    expect(sold).toBeGreaterThan(0);
    expect(await carts.findOne(cart.id)).toMatchObject({ owner: 'ada false' });
  });

  it('follows every class of a partition, with values', async () => {
    const registry = createRepositories(cluster, [Cart, CartLine]);
    const carts = registry.repository(Cart);
    const log = jest.spyOn(console, 'log').mockReturnValue();
    const cart = await carts.insert(carts.create({ owner: 'ada' }));

    const audit = carts.partition(cart.id).changes([Cart, CartLine], { from: 'start' });
    const auditing = audit.subscribe((change) => {
      if (isChangeOf(change, CartLine)) console.log(change.key, change.committedAt, change.changed);
    });

    try {
      const lines = registry.repository(CartLine);
      await lines.insert(lines.create({ cartId: cart.id, sku: 'pen' }));
      await eventually(() => log.mock.calls.length === 1);
      expect(log.mock.calls[0][0]).toEqual({ cartId: cart.id, sku: 'pen' });
    } finally {
      auditing.unsubscribe();
      log.mockRestore();
    }
  });

  it('handles every change in one process', async () => {
    const carts = createRepositories(cluster, [Cart]).repository(Cart);

    const billing = carts.follow('billing', async (change, context) => {
      if (change.type !== 'delete') return;
      await context.transaction(async (tx) => {
        tx.emit('billed', { cart: change.key });
      });
    });
    await billing.ready();

    const cart = await carts.insert(carts.create({ owner: 'ada' }));
    await carts.delete(cart.id);
    await eventually(() => billing.statistics.handled >= 3); // the event, too
    await billing.close();
  });

  // apart from locks: readers of 16,384 outboxes may hold up a busy machine for longer than a lock lasts
  it('follows the changes of all partitions', async () => {
    const carts = createRepositories(cluster, [Cart]).repository(Cart);
    const log = jest.spyOn(console, 'log').mockReturnValue();

    const cursor = await carts.changesCursor();
    const following = carts.changes(undefined, { from: cursor }).subscribe((change) => {
      if (change.type === 'event') console.log(change.event, change.payload);
      else console.log(change.type, change.key, change.version);
    });

    try {
      const cart = await carts.insert(carts.create({ owner: 'ada' }));
      cart.owner = 'grace';
      await carts.save(cart);

      await carts.transaction(cart.id, async (tx) => {
        const found = await tx.get(Cart, cart.id);
        if (found) tx.remove(found);
        tx.emit('checked out', { by: found?.owner });
      });

      await eventually(() => log.mock.calls.length === 4);
      expect(log.mock.calls.map(([what]) => what)).toEqual(['insert', 'update', 'delete', 'checked out']);
    } finally {
      following.unsubscribe();
      log.mockRestore();
    }
  });
});
