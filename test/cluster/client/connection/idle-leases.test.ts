import { ClusterClient, type ClusterNode } from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';
import { fakeClock, pass, realClock } from '../../../fake-clock.js';
import { FakeNode, SILENCE } from '../../../fake-node.js';

const { nodes } = sharedCluster();
let client: ClusterClient;
let node: ClusterNode;
/** A pool of leased connections that goes by the fake clock. */
let pool: InstanceType<typeof import('../../../../lib/cluster/leases/lease-pool.js').LeasePool>;
let limit: () => InstanceType<typeof import('../../../../lib/cluster/command/call-limit.js').CallLimit>;

const REPLY_TIMEOUT_MS = 500;

beforeAll(async () => {
  client = new ClusterClient({ nodes });
  await client.connect();
  [node] = client.topology.primaries;
});
afterAll(() => client.close());

beforeEach(async () => {
  fakeClock();
  const { LeasePool } = await import('../../../../lib/cluster/leases/lease-pool.js');
  const { ClusterCounters } = await import('../../../../lib/cluster/stats/cluster-counters.js');
  const { CallLimit } = await import('../../../../lib/cluster/command/call-limit.js');
  const { resolveOptions } = await import('../../../../lib/cluster/options/resolve-options.js');
  const options = resolveOptions({ nodes, replyTimeoutMs: REPLY_TIMEOUT_MS });
  pool = new LeasePool(options, new ClusterCounters());
  limit = () => new CallLimit('the test', 600_000, undefined);
});
afterEach(() => {
  pool.close();
  realClock();
});

const lease = (of: ClusterNode = node): ReturnType<typeof pool.lease> =>
  pool.lease(of, { limit: limit(), blocking: true });

/** Whether the server has a connection with this id. */
const isOpen = async (id: number | undefined): Promise<boolean> =>
  String(await client.target(node).client('LIST')).includes(`id=${id} `);

describe('a leased connection that was given back', () => {
  it('ends after 60 s without a lease, and no sooner; those in use stay', async () => {
    const [early, late, inUse] = [await lease(), await lease(), await lease()];
    early.release();
    await pass(30_000);
    late.release();
    await pass(29_999);
    expect(await Promise.all([early, late, inUse].map(({ clientId }) => isOpen(clientId)))).toEqual([
      true,
      true,
      true,
    ]);
    await pass(1);
    await eventually(async () => !(await isOpen(early.clientId)));
    expect(await Promise.all([late, inUse].map(({ clientId }) => isOpen(clientId)))).toEqual([true, true]);
    await pass(30_000);
    await eventually(async () => !(await isOpen(late.clientId)));
    await pass(600_000);
    expect(await isOpen(inUse.clientId)).toBe(true);
    inUse.release();
    await pass(60_000);
    await eventually(async () => !(await isOpen(inUse.clientId)));
  });

  it('is leased again within that time, which then begins again', async () => {
    const first = await lease();
    first.release();
    await pass(59_999);
    const second = await lease();
    expect(second.clientId).toBe(first.clientId);
    second.release();
    await pass(59_999);
    expect(await isOpen(second.clientId)).toBe(true);
    await pass(1);
    await eventually(async () => !(await isOpen(second.clientId)));
    const third = await lease();
    expect(third.clientId).not.toBe(first.clientId);
    third.discard();
  });

  it('is asked for a sign of life after the timeout of replies, and replaced with the others to its node if it is silent', async () => {
    let isSilent = false;
    const sockets = new Set<unknown>();
    const pings: unknown[] = [];
    const silent = await FakeNode.start(([name], socket) => {
      sockets.add(socket);
      if (name.toLowerCase() === 'ping') pings.push(socket);
      return isSilent && pings.at(-1) === socket ? SILENCE : undefined;
    });
    const there = { ...node, host: silent.host, port: silent.port, name: silent.name };
    const held = [await lease(there), await lease(there)];
    expect(sockets.size).toBe(2);
    for (const one of held) one.release();
    await pass(REPLY_TIMEOUT_MS - 1);
    (await lease(there)).release();
    expect(pings).toEqual([]);
    await pass(REPLY_TIMEOUT_MS);
    (await lease(there)).release();
    expect(pings).toHaveLength(1);
    isSilent = true;
    await pass(REPLY_TIMEOUT_MS);
    const leasing = lease(there);
    await eventually(() => expect(pings).toHaveLength(2));
    await pass(REPLY_TIMEOUT_MS);
    const replacement = await leasing;
    expect(sockets.size).toBe(3);
    for (const { redis } of held) await eventually(() => redis.status === 'end');
    expect(replacement.redis.status).toBe('ready');
    replacement.discard();
    await silent.stop();
  });
});
