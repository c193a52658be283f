import { ClusterClient, keySlot, type ClusterClientOptions } from 'keyslot';
import { eventually, ownCluster } from '../../cluster-fixture.js';
import { FakeNode, Relays, slotsReply, type FakeAnswer } from '../../fake-node.js';

const cluster = ownCluster();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function fakeNode(answer?: FakeAnswer): Promise<FakeNode> {
  const node = await FakeNode.start(answer);
  cleanups.push(() => node.stop());
  return node;
}

function clientOf(options: ClusterClientOptions): ClusterClient {
  const client = new ClusterClient(options);
  cleanups.push(() => client.disconnect());
  return client;
}

/** Answers a request by each of these in turn, and by the last one from then on. */
function inTurn(name: string, ...answers: string[]): FakeAnswer {
  let count = 0;
  return ([word]) =>
    word.toLowerCase() === name ? answers[Math.min(count++, answers.length - 1)] : undefined;
}

const DOWN = '-CLUSTERDOWN Hash slot not served\r\n';

it('a scan continues if a connection is lost with the reply to any command that it uses', async () => {
  const writer = clientOf({ nodes: cluster.nodes });
  const keys = Array.from({ length: 50 }, (_, i) => `scanned:${i}`);
  for (const key of keys) await writer.set(key, '1');
  const relays = await Relays.start(cluster.nodes);
  cleanups.push(() => relays.stop());
  const client = clientOf(relays.options);
  for (const lost of ['cluster nodes', 'scan 0']) {
    await client.connect();
    let losses = 0;
    for (const relay of relays.all) {
      relay.losesReplyTo = (request) =>
        request.slice(0, 2).join(' ').toLowerCase() === lost && losses === 0 && ++losses === 1;
    }
    const found = new Set<string>();
    for await (const key of client.scanIterator({ match: 'scanned:*' })) found.add(key);
    expect([...found].toSorted()).toEqual(keys.toSorted());
    expect(losses).toBe(1);
  }
});

describe('a transaction() that a server temporarily rejects', () => {
  it.each(['safe', 'reads', 'always'] as const)('starts over with retry: %j', async (retry) => {
    const node = await fakeNode(inTurn('watch', DOWN, '+OK\r\n'));
    const client = clientOf({ nodes: [node], retry });
    expect(await client.transaction(['k'], async () => 'done')).toBe('done');
    expect(node.asked('watch')).toHaveLength(2);
  });

  it("fails with retry: 'never'", async () => {
    const node = await fakeNode(inTurn('watch', DOWN, '+OK\r\n'));
    const client = clientOf({ nodes: [node], retry: 'never' });
    await expect(client.transaction(['k'], async () => 'done')).rejects.toMatchObject({
      code: 'CLUSTERDOWN',
      applied: false,
    });
    expect(node.asked('watch')).toHaveLength(1);
  });
});

describe('a command to the primaries by role', () => {
  it.each([DOWN, '-TRYAGAIN Multiple keys request during rehashing of slot\r\n'])(
    'is sent again if a node answers %j',
    async (refusal) => {
      const node = await fakeNode(inTurn('exists', refusal, ':2\r\n'));
      const client = clientOf({ nodes: [node] });
      const replies = await client.target('primaries').exists('{a}1', '{a}2');
      expect([...replies.values()]).toEqual([2]);
    },
  );

  it('returns a redirect as the reply of the node that sent it', async () => {
    const node = await fakeNode(inTurn('exists', `-MOVED ${keySlot('a')} 127.0.0.1:1\r\n`));
    const client = clientOf({ nodes: [node] });
    const [error] = await client
      .target('primaries')
      .exists('a')
      .then(
        () => [],
        ({ errors }: { errors: Map<string, { code: string }> }) => [...errors.values()],
      );
    expect(error).toMatchObject({ code: 'MOVED', applied: false });
    expect(node.asked('exists')).toHaveLength(1);
  });
});

describe('a redirected sharded subscription', () => {
  const channel = 'redirected';
  const slot = keySlot(channel);
  const confirmed = `>3\r\n$10\r\nssubscribe\r\n$${channel.length}\r\n${channel}\r\n:1\r\n`;

  /** Two nodes, of which the first redirects to an address that is not the one it is reached at. */
  async function announced(addressRemap: (owner: FakeNode) => ClusterClientOptions['addressRemap']) {
    const owner = await fakeNode(([word]) => (word.toLowerCase() === 'ssubscribe' ? confirmed : undefined));
    const inside = { host: 'inside.invalid', port: 7000 };
    const first: FakeNode = await fakeNode(([word]) => {
      if (word.toLowerCase() === 'ssubscribe') return `-MOVED ${slot} ${inside.host}:${inside.port}\r\n`;
      // both own slots, and that the slot has moved is never told
      const ranges = [
        [0, slot, first],
        [slot + 1, 16_383, inside],
      ] as const;
      return word.toLowerCase() === 'cluster' ? slotsReply(...ranges) : undefined;
    });
    owner.become(([word]) => {
      if (word.toLowerCase() === 'ssubscribe') return confirmed;
      const ranges = [
        [0, slot, first],
        [slot + 1, 16_383, inside],
      ] as const;
      return word.toLowerCase() === 'cluster' ? slotsReply(...ranges) : undefined;
    });
    return { owner, client: clientOf({ nodes: [first], addressRemap: addressRemap(owner) }) };
  }

  it('maps addresses by addressRemap, as commands do', async () => {
    const { owner, client } = await announced(({ host, port }) => (address) => ({
      ...address,
      ...(address.host === 'inside.invalid' && { host, port }),
    }));
    expect(await client.ssubscribe(channel)).toBe(1);
    await eventually(() => owner.asked('ssubscribe').some(([, name]) => name === channel));
  });

  it('fails with the error that addressRemap throws', async () => {
    let isBroken = false;
    const { client } = await announced(({ host, port }) => (address) => {
      if (isBroken) throw new Error('of the application');
      return address.host === 'inside.invalid' ? { host, port } : address;
    });
    await client.connect();
    isBroken = true;
    await expect(client.ssubscribe(channel)).rejects.toThrow('of the application');
  });
});
