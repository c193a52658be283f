import {
  ClusterClient,
  type ClusterError,
  type ClusterView,
  CommandAbortedError,
  CrossSlotError,
  DurabilityError,
  InvalidArgumentError,
} from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const key = (name: string): string => `${keyspace}${name}`;
let client: ClusterClient;

beforeAll(async () => {
  client = new ClusterClient({ nodes });
  await client.connect();
});
afterAll(() => client.close());

describe('a signal', () => {
  it('that is already aborted rejects the call before anything is sent', async () => {
    const view = client.with({ signal: AbortSignal.abort('because') });
    await expect(view.set(key('a'), '1')).rejects.toThrow(CommandAbortedError);
    await expect(view.set(key('a'), '1')).rejects.toMatchObject({
      code: 'ABORTED',
      applied: false,
      cause: 'because',
    });
    expect(await client.get(key('a'))).toBeNull();
  });

  it('ends a call that was not sent yet', async () => {
    const control = new AbortController();
    const call = client.with({ signal: control.signal }).set(key('b'), '1');
    control.abort();
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await client.get(key('b'))).toBeNull();
  });

  it('ends a blocking call with a known outcome, and the server stops waiting', async () => {
    const control = new AbortController();
    const named = client.duplicate({ clientName: `aborting-${process.pid}` });
    const call = named.with({ signal: control.signal }).blpop(key('list'), 0);
    const connections = async (): Promise<string> =>
      [...(await client.target('primaries').client('LIST')).values()].join('');
    const blocking = new RegExp(`name=leased:aborting-${process.pid} .*flags=b`);
    await eventually(async () => expect(await connections()).toMatch(blocking));
    control.abort();
    await expect(call).rejects.toThrow(CommandAbortedError);
    await eventually(async () => expect(await connections()).not.toMatch(blocking));
    await named.close();
  });

  it('ends every unsent command of a pipeline', async () => {
    const control = new AbortController();
    const pipeline = client.with({ signal: control.signal }).pipeline().set(key('c'), 1).set(key('d'), 2);
    const results = pipeline.exec();
    control.abort();
    expect((await results).map(([error]) => (error as CommandAbortedError).code)).toEqual([
      'ABORTED',
      'ABORTED',
    ]);
    expect(await client.get(key('c'))).toBeNull();
  });

  it('that is never aborted has no effect, and is released', async () => {
    const { signal } = new AbortController();
    const view = client.with({ signal });
    expect(await view.set(key('e'), '1')).toBe('OK');
    expect(await view.get(key('e'))).toBe('1');
  });
});

describe('one signal for many calls', () => {
  const eleven = Array.from({ length: 11 }, (_, i) => `${i}`);
  const PATHS: Readonly<Record<string, (view: ClusterView) => Promise<unknown>>> = {
    calls: (view) => Promise.all(eleven.map((i) => view.get(key(i)))),
    'a pipeline': (view) => eleven.reduce((queue, i) => queue.get(key(i)), view.pipeline()).exec(),
    'calls over slots': (view) => view.exists(...eleven.map(key)),
    'nonAtomic.mget': (view) => view.nonAtomic.mget(...eleven.map(key)),
    'calls that block': (view) => Promise.all(eleven.map((i) => view.blpop(key(`none${i}`), 0.01))),
    transactions: (view) =>
      Promise.all(eleven.map((i) => view.transaction([key(i)], async (tx) => tx.multi().set(key(i), i)))),
    'calls to nodes': (view) => Promise.all(eleven.map(() => view.target('all').ping())),
  };

  it.each(Object.keys(PATHS))('%s: has one listener at a time, and none afterwards', async (path) => {
    const { signal } = new AbortController();
    let listeners = 0;
    let most = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>) => {
      most = Math.max(most, ++listeners);
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<AbortSignal['removeEventListener']>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    await PATHS[path](client.with({ signal }));
    expect({ listeners, most }).toEqual({ listeners: 0, most: 1 });
  });

  it('ends them all when it aborts', async () => {
    const control = new AbortController();
    const view = client.with({ signal: control.signal });
    const calls = eleven.map((i) => view.get(key(i)));
    control.abort();
    const codes = await Promise.all(calls.map((call) => call.catch((error: ClusterError) => error.code)));
    expect(codes).toEqual(eleven.map(() => 'ABORTED'));
  });
});

describe('durability', () => {
  it('makes a write wait for its replicas', async () => {
    const durable = client.with({ durability: { replicas: 1, timeoutMs: 5_000 } });
    expect(await durable.set(key('kept'), 'v')).toBe('OK');
    expect(await client.with({ readFrom: 'replica' }).get(key('kept'))).toBe('v');
  });

  it('reports that a write was applied but not confirmed', async () => {
    const call = client.with({ durability: { replicas: 9, timeoutMs: 50 } }).incr(key('unconfirmed'));
    await expect(call).rejects.toThrow(DurabilityError);
    await expect(client.get(key('unconfirmed'))).resolves.toBe('1');
  });

  it('makes a transaction wait for its replicas', async () => {
    const durable = client.with({ durability: { replicas: 1, timeoutMs: 5_000 } });
    const reading = client.with({ readFrom: 'replica' });
    const told: unknown[] = [];
    const block = durable.multi().set(key('block'), 'v', (_, reply) => told.push(reply));
    expect(await block.getBuffer(key('block')).lpush(key('block'), 'x').exec()).toEqual([
      [null, 'OK'],
      [null, Buffer.from('v')],
      [expect.objectContaining({ code: 'WRONGTYPE' }), undefined],
    ]);
    expect(told).toEqual(['OK']);
    expect(await reading.get(key('block'))).toBe('v');
    const watched = durable.transaction([key('block')], async (tx) => {
      const value = await tx.get(key('block'));
      return tx.multi().set(key('block'), `${value}w`);
    });
    expect(await watched).toEqual([[null, 'OK']]);
    expect(await reading.get(key('block'))).toBe('vw');
    // written by the function itself
    await durable.transaction([key('block')], (tx) => tx.append(key('block'), 'x'));
    expect(await reading.get(key('block'))).toBe('vwx');
  });

  it('reports that a transaction was applied but not confirmed, and leaves its connection usable', async () => {
    const only = new ClusterClient({ nodes, maxLeasedPerNode: 1, leaseTimeoutMs: 10_000 });
    try {
      const doubtful = only.with({ durability: { replicas: 9, timeoutMs: 50 }, integers: 'bigint' });
      const blocks = Array.from({ length: 3 }, () => doubtful.multi().incr(key('doubtful')).exec());
      const watched = doubtful.transaction([key('doubtful')], async (tx) => tx.multi().incr(key('doubtful')));
      for (const end of await Promise.allSettled([...blocks, watched])) {
        expect(end).toMatchObject({ reason: { code: 'DURABILITY_NOT_REACHED', applied: true } });
      }
      expect(await only.get(key('doubtful'))).toBe('4');
      // what only reads has nothing to wait for
      expect(await doubtful.multi().get(key('doubtful')).exec()).toEqual([[null, '4']]);
      await only.transaction([key('doubtful')], async (tx) => tx.multi().incr(key('doubtful')));
      expect(await only.get(key('doubtful'))).toBe('5');
    } finally {
      await only.close();
    }
  });

  it('rejects a transaction as a whole, or not at all', async () => {
    const durable = client.with({ durability: { replicas: 1, timeoutMs: 5_000 } });
    const wrong = durable.multi().set(key('whole'), 1).call('set', key('whole')).exec();
    await expect(wrong).rejects.toMatchObject({ name: 'ReplyError', code: 'EXECABORT' });
    expect(await client.get(key('whole'))).toBeNull();
    expect(() => durable.multi().set('{a}k', 1).set('{b}k', 1)).toThrow(CrossSlotError);
    expect(() => durable.pipeline()).toThrow(InvalidArgumentError);
    expect(await durable.multi().exec()).toEqual([]);
  });

  it('does not affect reads', async () => {
    await client.set(key('read'), 'v');
    expect(await client.with({ durability: { replicas: 9, timeoutMs: 50 } }).get(key('read'))).toBe('v');
  });
});

describe('call options', () => {
  it.each([
    ['an unknown name', { deadline: 1 }],
    ['a fractional deadline', { deadlineMs: 1.5 }],
    ['a negative deadline', { deadlineMs: -1 }],
    ['no such retry mode', { retry: 'sometimes' }],
    ['no such way to read', { readFrom: 'anywhere' }],
    ['no signal', { signal: {} }],
    ['half a durability', { durability: { replicas: 1 } }],
  ])('reject %s', (_, options) => {
    expect(() => client.with(options as never)).toThrow(InvalidArgumentError);
  });

  it('accumulate over views', async () => {
    const view = client.with({ readFrom: 'replicaPreferred' }).with({ deadlineMs: 5_000 });
    expect(await view.set(key('view'), 'v')).toBe('OK');
  });
});
