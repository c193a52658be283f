import { ClusterClient, type ClusterNode } from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';
import { FakeNode, type Request } from '../../../fake-node.js';

describe('the state of connections', () => {
  const shared = sharedCluster();
  const clients: ClusterClient[] = [];
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

  const clientOf = (options: ConstructorParameters<typeof ClusterClient>[0]): ClusterClient => {
    const client = new ClusterClient(options);
    clients.push(client);
    return client;
  };

  it('is set on all connections, and on those that replace them, leased and subscriber connections included', async () => {
    const name = `state-${process.pid}`;
    const client = clientOf({ nodes: shared.nodes, clientName: name });
    const other = clientOf({ nodes: shared.nodes });
    await client.connect();
    const key = `${shared.keyspace}list`;
    const lease = async (): Promise<void> => {
      await client.rpush(key, 'x');
      expect(await client.blpop(key, 1)).toEqual([key, 'x']);
    };
    /** The connections of the client: the server's id, and whether it may evict them. */
    const connections = async (): Promise<
      { node: ClusterNode; id: string; isKept: boolean; flags: string }[]
    > => {
      await other.connect();
      const lists = await Promise.all(
        other.topology.nodes.map(async (node) => ({
          node,
          text: String(await other.target(node).client('LIST')),
        })),
      );
      return lists.flatMap(({ node, text }) =>
        text
          .split('\n')
          .filter((line) => new RegExp(` name=(leased:)?${name} `).test(line))
          .map((line) => {
            const [, id, flags] = /^id=(\d+) .* flags=(\S+)/.exec(line) ?? [];
            return { node, id, flags, isKept: flags.includes('e') };
          }),
      );
    };
    // it is there before, idle
    await lease();
    expect(await client.client('NO-EVICT', 'ON')).toBe('OK');
    await lease();
    client.pubsub.channel(key).subscribe();
    await client.pubsub.ready();
    const before = await connections();
    // one for each node, a leased one, and a subscriber
    expect(before.length).toBeGreaterThanOrEqual(other.topology.primaries.length + 2);
    expect(before.filter(({ isKept }) => !isKept)).toEqual([]);
    expect(before.filter(({ flags }) => flags.includes('P'))).toHaveLength(1);

    for (const { node, id } of before) await other.target(node).client('KILL', 'ID', id);
    await eventually(async () => {
      await Promise.all(other.topology.nodes.map((node) => client.target(node).ping()));
      await lease();
      await client.pubsub.ready();
      const after = await connections();
      const old = new Set(before.map(({ node, id }) => `${node.name} ${id}`));
      expect(after.filter(({ node, id }) => old.has(`${node.name} ${id}`))).toEqual([]);
      expect(after.length).toBeGreaterThanOrEqual(other.topology.primaries.length + 2);
      expect(after.filter(({ isKept }) => !isKept)).toEqual([]);
    });

    expect(await client.client('NO-EVICT', 'OFF')).toBe('OK');
    for (const { node, id, flags } of await connections())
      if (!flags.includes('P')) await other.target(node).client('KILL', 'ID', id);
    await eventually(async () => {
      await Promise.all(other.topology.nodes.map((node) => client.target(node).ping()));
      const after = await connections();
      expect(after.filter(({ flags }) => !flags.includes('P')).map(({ isKept }) => isKept)).not.toContain(
        true,
      );
      expect(after.length).toBeGreaterThan(1);
    });
  });

  describe('on a replaced connection', () => {
    let node: FakeNode;
    let client: ClusterClient;
    /** What is replied to commands that are tested; by default OK. */
    let refuses = false;
    beforeEach(async () => {
      refuses = false;
      node = await FakeNode.start(([name]) =>
        refuses && /^(client|himport)$/i.test(name)
          ? '-ERR unknown subcommand or wrong number of arguments\r\n'
          : undefined,
      );
      client = clientOf({ nodes: [node] });
      await client.connect();
    });
    afterEach(() => node.stop());

    /** What a new connection is sent, from its greeting to a first call. */
    const onNewConnection = async (): Promise<Request[]> => {
      const [from, accepted] = [node.requests.length, node.accepted];
      node.cut();
      await eventually(() => expect(node.accepted).toBeGreaterThan(accepted));
      await client.set('k', 'v');
      const sent = node.requests.slice(from).filter(([name]) => !/^(hello|cluster|ping|info)$/i.test(name));
      expect(sent.at(-1)).toEqual(['set', 'k', 'v']);
      return sent.slice(0, -1).map(([name, ...args]) => [name.toUpperCase(), ...args]);
    };

    it.each<[string, Request[], Request[]]>([
      ['nothing, if no call has set any', [['CLIENT', 'GETNAME']], []],
      [
        'the last value of a name',
        [
          ['CLIENT', 'SETNAME', 'a'],
          ['client', 'setname', 'b'],
        ],
        [['CLIENT', 'setname', 'b']],
      ],
      [
        'each attribute of the library',
        [
          ['CLIENT', 'SETINFO', 'LIB-NAME', 'a'],
          ['CLIENT', 'SETINFO', 'lib-ver', '1'],
          ['CLIENT', 'SETINFO', 'lib-name', 'b'],
        ],
        [
          ['CLIENT', 'SETINFO', 'lib-name', 'b'],
          ['CLIENT', 'SETINFO', 'lib-ver', '1'],
        ],
      ],
      [
        'what was switched on',
        [
          ['CLIENT', 'NO-TOUCH', 'on'],
          ['CLIENT', 'NO-EVICT', 'ON'],
        ],
        [
          ['CLIENT', 'NO-TOUCH', 'on'],
          ['CLIENT', 'NO-EVICT', 'ON'],
        ],
      ],
      [
        'nothing, if it was switched off again',
        [
          ['CLIENT', 'NO-TOUCH', 'ON'],
          ['CLIENT', 'NO-TOUCH', 'off'],
        ],
        [],
      ],
      [
        'the fieldsets that were not discarded',
        [
          ['HIMPORT', 'PREPARE', 'f', 'a', 'b'],
          ['HIMPORT', 'PREPARE', 'g', 'c'],
          ['HIMPORT', 'DISCARD', 'f'],
        ],
        [['HIMPORT', 'PREPARE', 'g', 'c']],
      ],
      [
        'no fieldset after all were discarded',
        [
          ['HIMPORT', 'PREPARE', 'f', 'a'],
          ['HIMPORT', 'DISCARDALL'],
        ],
        [],
      ],
      [
        'a library of functions',
        [['FUNCTION', 'LOAD', '#!lua name=lib\n']],
        [['FUNCTION', 'LOAD', '#!lua name=lib\n']],
      ],
    ])('is %s', async (_, calls, expected) => {
      for (const [name, ...args] of calls) await client.call(name, ...args);
      const sent = await onNewConnection();
      expect(sent.toSorted()).toEqual(expected.toSorted());
    });

    it('is not what every server has refused', async () => {
      await client.call('CLIENT', 'NO-EVICT', 'ON');
      refuses = true;
      await expect(client.call('CLIENT', 'NO-TOUCH', 'ON')).rejects.toThrow('unknown subcommand');
      await expect(client.call('HIMPORT', 'PREPARE', 'f', 'a')).rejects.toThrow('unknown subcommand');
      // and a connection works even if a new server knows less than the one before
      expect(await onNewConnection()).toEqual([['CLIENT', 'NO-EVICT', 'ON']]);
    });
  });
});
