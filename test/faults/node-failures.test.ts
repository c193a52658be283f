import { inspect } from 'node:util';
import { AuthenticationError, ClusterClient, ConnectionError, type ClusterClientOptions } from 'keyslot';
import { findFreePorts } from '../../lib/testing/server/free-ports.js';
import { eventually } from '../cluster-fixture.js';
import { FakeNode, type FakeAnswer } from '../fake-node.js';

describe('the error event', () => {
  const nodes: FakeNode[] = [];
  const clients: ClusterClient[] = [];
  type Told = [event: string, error: Error, node: string];

  async function fakeNode(answer?: FakeAnswer): Promise<FakeNode> {
    const node = await FakeNode.start(answer);
    nodes.push(node);
    return node;
  }

  /** A client, and what it tells of failures. */
  function listening(options: ClusterClientOptions): [ClusterClient, Told[]] {
    const client = new ClusterClient({ deadlineMs: 5_000, startupTimeoutMs: 500, ...options });
    clients.push(client);
    const told: Told[] = [];
    for (const event of ['error', 'node error'])
      client.on(event, (error: Error, node: string) => told.push([event, error, node]));
    return [client, told];
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
  });

  it('reports a lost connection, and a storm of losses only once', async () => {
    const node = await fakeNode();
    const [client, told] = listening({ nodes: [node] });
    await client.connect();
    expect(told).toEqual([]);
    for (let i = 0; i < 10; i++) {
      const { accepted } = node;
      node.cut();
      await eventually(() => client.get('k').then(() => node.accepted > accepted));
    }
    expect(told).toEqual([
      ['error', expect.any(ConnectionError), node.name],
      ['node error', expect.any(ConnectionError), node.name],
    ]);
    expect(told[0][1].message).toContain(node.name);
  });

  it('reports a node that cannot be reached while the others serve', async () => {
    const node = await fakeNode();
    const [port] = await findFreePorts('127.0.0.1', 1);
    // the dead one is asked for sooner or later, as the order changes
    await eventually(async () => {
      const [client, told] = listening({ nodes: [`127.0.0.1:${port}`, node] });
      await client.connect();
      expect(await client.get('k')).toBe('OK');
      expect(told.map(([event, , name]) => [event, name])).toEqual([
        ['error', `127.0.0.1:${port}`],
        ['node error', `127.0.0.1:${port}`],
      ]);
    });
  });

  it('shows neither credentials nor the message of a credentials provider', async () => {
    const node = await fakeNode(([name]) =>
      name === 'HELLO' ? '-WRONGPASS invalid planted-1\r\n' : undefined,
    );
    const [refused, ofRefused] = listening({ nodes: [node], username: 'bob', password: 'planted-1' });
    const [sealed, ofSealed] = listening({
      nodes: [node],
      credentialsProvider: () => Promise.reject(new Error('planted-2')),
    });
    await expect(refused.connect()).rejects.toBeInstanceOf(AuthenticationError);
    await expect(sealed.connect()).rejects.toThrow();
    expect(ofRefused[0]).toEqual(['error', expect.any(AuthenticationError), node.name]);
    expect(ofSealed[0]).toEqual([
      'error',
      expect.objectContaining({ code: 'CREDENTIALS_UNAVAILABLE' }),
      node.name,
    ]);
    expect(inspect([ofRefused, ofSealed], { depth: Infinity, showHidden: true })).not.toContain('planted');
  });

  it('is not emitted when the client closes its connections itself', async () => {
    const node = await fakeNode();
    const [client, told] = listening({ nodes: [node] });
    await client.connect();
    await client.close();
    const [another, ofAnother] = listening({ nodes: [node] });
    await another.connect();
    another.disconnect();
    await eventually(() => node.open === 0);
    expect([told, ofAnother]).toEqual([[], []]);
  });

  it('does not need a listener', async () => {
    const node = await fakeNode();
    const client = new ClusterClient({ nodes: [node], deadlineMs: 5_000 });
    clients.push(client);
    await client.connect();
    node.cut();
    expect(await client.get('k')).toBe('OK');
  });
});
