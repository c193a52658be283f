import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  ExpiresAt,
  PartitionKey,
  PrimaryKey,
  Shape,
} from 'keyslot';
import { eventually } from '../../../cluster-fixture.js';
import type { ScriptRunner } from '../../../../lib/entity/common/entity-client.js';
import { counted, freshId, Order, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Hold', partition: () => Order })
class Hold {
  declare readonly [Shape]: { key: 'orderId' | 'id' };

  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @ExpiresAt() expiresAt?: Date;
}

const cluster = sharedClient();

const holdsOf = (client: ReturnType<typeof counted>): ClusterRepository<Hold> =>
  createRepositories(client, [Order, Hold]).repository(Hold);

/** Stores expired rows `a` and `b` in some partitions. */
async function expiredIn(orderIds: readonly string[]): Promise<void> {
  const holds = holdsOf(counted(cluster.client));
  const expiresAt = new Date(Date.now() - 60_000);
  const rows = orderIds.flatMap((orderId) =>
    ['a', 'b'].map((id) => holds.create({ orderId, id, expiresAt })),
  );
  expect((await holds.saveMany(rows)).every(({ ok }) => ok)).toBe(true);
}

/** How many rows of these partitions the servers still have. */
function countRows(orderIds: readonly string[]): Promise<number> {
  const holds = holdsOf(counted(cluster.client));
  const keys = orderIds.flatMap((orderId) => ['a', 'b'].map((id) => holds.keyOf({ orderId, id })));
  return cluster.client.exists(...keys);
}

/** A repository whose commits wait for `release()`; with an error, all of them fail. */
function heldRepository() {
  const client = counted(cluster.client);
  let release!: (error?: Error) => void;
  const released = new Promise<Error | undefined>((resolve) => (release = resolve));
  let waiting = 0;
  let most = 0;
  client.with = (options): ScriptRunner => {
    const runner = cluster.client.with(options);
    return {
      pipeline: () => runner.pipeline(),
      async runScript(...call) {
        const [, , args] = call;
        if (args.length === 0) return runner.runScript(...call); // it reads the prefix of the client
        most = Math.max(most, ++waiting);
        const error = await released;
        waiting--;
        if (error) throw error;
        return runner.runScript(...call);
      },
    };
  };
  return { holds: holdsOf(client), release, waiting: () => waiting, most: () => most };
}

describe('sweepExpired of all partitions', () => {
  const orderIds = Array.from({ length: 30 }, () => freshId());
  beforeEach(() => expiredIn(orderIds));

  it('sweeps several of them at the same time, but not all', async () => {
    const held = heldRepository();
    const sweep = held.holds.sweepExpired();
    await eventually(() => held.waiting() >= 8);
    held.release();
    expect(await sweep).toEqual({ swept: 60 });
    expect(held.most()).toBeLessThan(orderIds.length);
    expect(await countRows(orderIds)).toBe(0);
  });

  it.each([1, 25, 59])('deletes %s rows if that is the limit', async (limit) => {
    expect(await holdsOf(counted(cluster.client)).sweepExpired({ limit })).toEqual({ swept: limit });
    expect(await countRows(orderIds)).toBe(60 - limit);
  });

  it('fails as a whole if the sweep of one partition fails, and can be repeated', async () => {
    const held = heldRepository();
    const sweep = held.holds.sweepExpired();
    await eventually(() => held.waiting() >= 8);
    held.release(new Error('no answer'));
    await expect(sweep).rejects.toThrow('no answer');
    expect(held.waiting()).toBe(0);
    expect(await countRows(orderIds)).toBe(60);
    expect(await holdsOf(counted(cluster.client)).sweepExpired()).toEqual({ swept: 60 });
  });
});
