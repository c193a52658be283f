import { keySlot, SLOT_COUNT } from 'keyslot';
import { groupKey, outboxKey } from '../../../../lib/entity/keys/outbox-key.js';
import { shareOf } from '../../../../lib/entity/followers/group-store.js';
import { eventually } from '../../../cluster-fixture.js';
import { freshId } from '../fixtures.js';
import { gate, Parcels } from './parcels.js';

/** A lease that a busy machine does not miss. */
const STEADY = { leaseMs: 6_000 };

const parcels = new Parcels();
const shareOfParcel = (id: string): number => shareOf(keySlot(parcels.repository.partition(id).tag));

it('does not wait for a handler that ignores its signal for longer than timeoutMs', async () => {
  const [group, id] = [freshId(), freshId()];
  let signal: AbortSignal | undefined;
  const follower = await parcels.follow(
    group,
    async (_change, context) => {
      signal = context.signal;
      await new Promise(() => {});
    },
    STEADY,
  );
  await parcels.add(id);
  await eventually(() => signal !== undefined);
  await follower.close({ timeoutMs: 0 });
  expect(signal!.aborted).toBe(true);
  expect(follower.statistics.shares).toBe(0);
  // it left the group, so that others need not wait for its lease
  expect(Object.keys(await parcels.client.hgetall(groupKey('Parcel', group)))).toEqual(['i', 'b']);
});

it('gives its other slots to other processes while it waits for a handler', async () => {
  const [group, held] = [freshId(), freshId()];
  const ending = gate();
  const seen: unknown[] = [];
  const first = await parcels.follow(
    group,
    async ({ key }) => {
      if (key !== held) return;
      seen.push(key);
      await ending.opened;
    },
    STEADY,
  );
  await parcels.add(held);
  await eventually(() => seen.includes(held));
  const closing = first.close();
  const second = await parcels.follow(group, ({ key }) => seen.push(key), STEADY);
  await eventually(() => second.statistics.shares === 63);
  const others = Array.from({ length: 20 }, freshId).filter(
    (id) => shareOfParcel(id) !== shareOfParcel(held),
  );
  await Promise.all(others.map((id) => parcels.add(id)));
  await eventually(() => others.every((id) => seen.includes(id)));
  ending.open();
  await closing;
  await eventually(() => second.statistics.shares === 64);
  expect(seen.filter((key) => key === held)).toHaveLength(1);
});

it('waits for the handler of slots that it has lost to another process', async () => {
  const [group, id] = [freshId(), freshId()];
  const ending = gate();
  const order: string[] = [];
  const follower = await parcels.follow(
    group,
    async ({ key }, { signal }) => {
      if (key !== id) return;
      signal.addEventListener('abort', () => order.push('aborted'));
      order.push('begun');
      await ending.opened;
      order.push('ended');
    },
    STEADY,
  );
  await parcels.add(id);
  await eventually(() => order.length === 1);
  const until = String(Date.now() + 3_600_000);
  await parcels.client.hset(groupKey('Parcel', group), {
    'm:another': until,
    [`s:${shareOfParcel(id)}`]: 'another',
  });
  await eventually(() => order.includes('aborted'));
  const closed = follower.close().then(() => order.push('closed'));
  ending.open();
  await closed;
  expect(order).toEqual(['begun', 'aborted', 'ended', 'closed']);
});

it('begins a group in every slot, also if that takes longer than the lease', async () => {
  const pipeline = parcels.client.pipeline();
  const outboxes = Array.from({ length: SLOT_COUNT }, (_, slot) => outboxKey('Parcel', slot));
  for (const key of outboxes)
    pipeline.xadd(key, '*', 'b', '0-0', 't', 'event', 'e', 'old', 'p', 'x', 'd', '');
  await pipeline.exec();
  const [group, id] = [freshId(), freshId()];
  const seen: unknown[] = [];
  await parcels.follow(group, ({ key }) => seen.push(key), { leaseMs: 1_000 });
  await parcels.add(id);
  await eventually(() => seen.length > 0);
  expect(seen).toEqual([id]);
  const clearing = parcels.client.pipeline();
  for (const key of outboxes) clearing.del(key);
  await clearing.exec();
});

it('looks again after notifications may have been lost', async () => {
  const group = freshId();
  const seen: unknown[] = [];
  // polling comes too late for this test
  await parcels.follow(group, ({ key }) => seen.push(key), { pollMs: 3_600_000 });
  const before = freshId();
  await parcels.add(before);
  await eventually(() => seen.includes(before));
  const ids = Array.from({ length: 20 }, freshId);
  await parcels.client.target('primaries').call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await Promise.all(ids.map((id) => parcels.add(id)));
  await eventually(() => ids.every((id) => seen.includes(id)));
});

it('reports to ready() that a permission is missing, and begins once it is granted', async () => {
  const [group, id, user] = [freshId(), freshId(), `follower-${process.pid}`];
  const everywhere = parcels.client.target('all');
  const seen: unknown[] = [];
  const errors: Error[] = [];
  await everywhere.call('ACL', 'SETUSER', user, 'on', '>pw', '~*', '&*', '+@all', '-eval', '-evalsha');
  const client = parcels.mortalClient({ username: user, password: 'pw' });
  const follower = parcels.begin(client, group, ({ key }) => seen.push(key), {
    ...STEADY,
    onError: (error) => errors.push(error),
  });
  await expect(follower.ready()).rejects.toMatchObject({ code: 'NOPERM' });
  expect(errors).toContainEqual(expect.objectContaining({ code: 'NOPERM' }));
  await everywhere.call('ACL', 'SETUSER', user, '+eval', '+evalsha');
  await eventually(() => follower.statistics.shares === 64);
  await parcels.add(id);
  await eventually(() => seen.includes(id));
  await follower.close();
  await everywhere.call('ACL', 'DELUSER', user);
});
