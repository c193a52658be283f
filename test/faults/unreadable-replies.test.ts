import { ClusterClient, UnreadableReplyError } from 'keyslot';
import { sharedCluster } from '../cluster-fixture.js';
import { FakeNode } from '../fake-node.js';

const DEPTH = 50_000;
/** A list in a list, and so on, deeper than the stack of JavaScript. */
const DEEP = `${'*1\r\n'.repeat(DEPTH)}$1\r\nx\r\n`;
/** HGETALL's reply with such a list for a field's name. */
const HASH = `*2\r\n${DEEP}$1\r\nv\r\n`;

describe('a reply that cannot be returned in the form that its call requests', () => {
  const { nodes, keyspace } = sharedCluster();

  it('fails only that call, with an error that says that the command was executed', async () => {
    const node = await FakeNode.start(([name]) => {
      if (name.toLowerCase() === 'hgetall') return HASH;
      if (name === 'EXEC') return `*3\r\n${HASH}+OK\r\n${HASH}`;
      return name === 'MULTI' ? '+OK\r\n' : undefined;
    });
    const client = new ClusterClient({ nodes: [node] });
    const unreadable = expect.objectContaining({
      name: 'UnreadableReplyError',
      code: 'UNREADABLE_REPLY',
      applied: true,
      command: 'HGETALL',
      node: `127.0.0.1:${node.port}`,
      cause: expect.any(RangeError),
    });
    try {
      const single: unknown = await client.hgetall('h').catch((reason: unknown) => reason);
      expect(single).toBeInstanceOf(UnreadableReplyError);
      expect(single).toEqual(unreadable);
      expect(await client.pipeline().set('h', 1).hgetall('h').set('h', 2).exec()).toEqual([
        [null, 'OK'],
        [unreadable, undefined],
        [null, 'OK'],
      ]);
      expect(await client.multi().hgetall('h').set('h', 1).hgetall('h').exec()).toEqual([
        [unreadable, undefined],
        [null, 'OK'],
        [unreadable, undefined],
      ]);
      expect(await client.set('h', 1)).toBe('OK');
    } finally {
      await client.close();
      await node.stop();
    }
  });

  it('is not caused by nesting depth, not even among replies in Buffers', async () => {
    const client = new ClusterClient({ nodes });
    const key = `${keyspace}deep`;
    const script = "local t = {'bottom'} for i = 1, 6000 do t = {t} end return t";
    try {
      await client.set(key, 'v');
      const results = await client.multi().getBuffer(key).eval(script, 1, key).get(key).exec();
      expect(results.map(([error]) => error)).toEqual([null, null, null]);
      expect(results[0][1]).toEqual(Buffer.from('v'));
      expect(results[2][1]).toBe('v');
      let inner: unknown = results[1][1];
      while (Array.isArray(inner)) inner = inner[0];
      expect(inner).toBe('bottom');
    } finally {
      await client.close();
    }
  });
});
