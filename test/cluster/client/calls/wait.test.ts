import { ClusterClient, type ClusterNode } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';

const NEVER = 5;

describe('WAIT and WAITAOF', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;

  beforeAll(async () => {
    cluster = await LocalCluster.start({ replicasPerPrimary: 1, config: { appendonly: 'yes' } });
    client = new ClusterClient({ nodes: cluster.seeds });
    await client.connect();
  });

  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  const failure = (call: Promise<unknown>): Promise<unknown> => call.catch((reason: unknown) => reason);

  it.each<[string, (view: ClusterClient, node: ClusterNode) => Promise<unknown>]>([
    ['without a timeout', (view) => view.wait(NEVER, 0)],
    ['with a long timeout', (view) => view.wait(NEVER, 60_000)],
    ['by call', (view) => view.call('WAIT', NEVER, 0) as Promise<unknown>],
    ['by target', (view, node) => view.target(node).wait(NEVER, 0)],
    ['by target, several', (view) => view.target('primaries').wait(NEVER, 0)],
  ])('do not delay other calls: %s', async (_, wait) => {
    let waiting = true;
    const own = client.duplicate({ deadlineMs: 3_000 });
    await own.connect();
    await own.set('k', 'v');
    const waited = failure(wait(own, own.topology.nodeForKey('k') as ClusterNode)).finally(
      () => (waiting = false),
    );
    let served = 0;
    for (; waiting; served++) expect(await own.with({ deadlineMs: 2_000 }).get('k')).toBe('v');
    const error = await waited;
    const parts =
      error instanceof Error && 'errors' in error
        ? [...(error.errors as Map<string, Error>).values()]
        : [error];
    for (const part of parts) expect(part).toMatchObject({ code: 'DEADLINE_EXCEEDED', applied: false });
    // nor is anything left of it
    for (let i = 0; i < 20; i++) expect(await own.get('k')).toBe('v');
    expect(served).toBeGreaterThan(10);
    await own.close();
  });

  it('return the number of replicas that have the writes, at the timeout or as soon as there are enough', async () => {
    await client.set('k', 'v');
    expect(await client.wait(1, 0)).toBe(1);
    expect(await client.wait(NEVER, 300)).toBe(1);
    expect(await client.call('WAIT', '1', '10000')).toBe(1);
  });

  it('leave invalid arguments to the server', async () => {
    expect(await failure(client.wait(1, -1))).toMatchObject({ message: expect.stringContaining('negative') });
    expect(await failure(client.call('WAIT', 'x', 0) as Promise<unknown>)).toMatchObject({
      message: expect.stringContaining('not an integer'),
    });
    expect(await failure(client.call('WAIT', 1) as Promise<unknown>)).toMatchObject({
      message: expect.stringContaining('wrong number of arguments'),
    });
  });
});
