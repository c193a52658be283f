import { jest } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { ClusterClient, keyslotChannel, keySlot, SLOT_COUNT } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { Relays } from '../../../fake-node.js';
import { TracingRecorder } from '../../../tracing-recorder.js';

const SECRET = 'planted-value-7c1f';
const KEY = 'planted-key-55ab';

let local: LocalCluster;
let cluster: ClusterClient;
let recorder: TracingRecorder;

const open = (options: object = {}): ClusterClient => new ClusterClient({ nodes: local.seeds, ...options });
const ownerOf = (key: string): string => cluster.topology.nodeForSlot(keySlot(key))!.name;

beforeAll(async () => {
  local = await LocalCluster.start();
  cluster = open({ clientName: 'tracing' });
  await cluster.connect();
  await cluster.set('warm', '1');
});
beforeEach(() => void (recorder = new TracingRecorder()));
afterEach(() => recorder.stop());
afterAll(async () => {
  await cluster.close();
  await local.stop();
});

const ORDER = ['start', 'end', 'asyncStart', 'asyncEnd'];

describe('a command', () => {
  it('has a context with its place, and its parts in order', async () => {
    await cluster.hset('{a}h', 'field', SECRET);
    const context = recorder.only('keyslot:command');
    const node = ownerOf('{a}h');
    expect(context).toMatchObject({
      clientName: 'tracing',
      command: 'HSET',
      argumentCount: 3,
      kind: 'single',
      slot: keySlot('{a}h'),
      node,
      address: '127.0.0.1',
      port: Number(node.split(':')[1]),
      nodes: [{ node, commands: 1, failed: 0, outcome: 'ok' }],
      attempts: 1,
      redirects: { moved: 0, ask: 0 },
      retries: 0,
      events: [],
      outcome: 'ok',
    });
    expect(context.keys).toBeUndefined();
    expect(recorder.events).toEqual(ORDER.map((part) => `keyslot:command:${part}`));
    const [part] = context.nodes;
    expect(part.endedAt).toBeGreaterThanOrEqual(part.startedAt);
    expect(part.startedAt).toBeGreaterThanOrEqual(context.startedAt);
  });

  it('that fails has the code of its error', async () => {
    await cluster.set('{a}s', SECRET);
    recorder.clear();
    const error: unknown = await cluster.lpush('{a}s', 'x').catch((thrown: unknown) => thrown);
    expect(recorder.only('keyslot:command')).toMatchObject({
      outcome: 'error',
      errorCode: 'WRONGTYPE',
      error,
      nodes: [{ failed: 1, outcome: 'error', errorCode: 'WRONGTYPE' }],
    });
    expect(recorder.events).toEqual(
      ['start', 'end', 'error', 'asyncStart', 'asyncEnd'].map((part) => `keyslot:command:${part}`),
    );
  });

  it('that blocks runs on a separate connection', async () => {
    await cluster.lpush('{a}list', SECRET);
    recorder.clear();
    await cluster.blpop('{a}list', 1);
    expect(recorder.only('keyslot:command')).toMatchObject({
      command: 'BLPOP',
      kind: 'leased',
      slot: keySlot('{a}list'),
      node: ownerOf('{a}list'),
      attempts: 1,
      waitMs: 1_000,
    });
    expect(recorder.of('keyslot:connect')).toMatchObject([{ purpose: 'leased', node: ownerOf('{a}list') }]);
  });

  it('says how long it may wait for replicas', async () => {
    await cluster
      .with({ durability: { replicas: 1, timeoutMs: 20 } })
      .set('{a}durable', 'x')
      .catch(() => {});
    expect(recorder.only('keyslot:command')).toMatchObject({ kind: 'leased', waitMs: 20 });
    recorder.clear();
    await cluster.get('{a}durable');
    expect(recorder.only('keyslot:command').waitMs).toBeUndefined();
  });

  it('over several slots has a part for each node', async () => {
    const keys = Array.from({ length: 50 }, (_, i) => `fan:${i}`);
    await cluster.del(...keys);
    const { nodes, slot, kind, command } = recorder.only('keyslot:command');
    expect({ slot, kind, command }).toEqual({ slot: undefined, kind: 'fanOut', command: 'DEL' });
    expect(nodes.map(({ node }) => node).toSorted()).toEqual(
      cluster.topology.primaries.map(({ name }) => name).toSorted(),
    );
    expect(nodes.reduce((sum, { commands }) => sum + commands, 0)).toBe(new Set(keys.map(keySlot)).size);
  });

  it('to named nodes, and each page of a scan, is one too', async () => {
    await cluster.target('primaries').ping();
    expect(recorder.only('keyslot:command').nodes).toHaveLength(3);
    recorder.clear();
    for await (const _ of cluster.hscanIterator('{a}h'));
    expect(recorder.only('keyslot:command')).toMatchObject({ command: 'HSCAN', node: ownerOf('{a}h') });
    recorder.clear();
    for await (const _ of cluster.scanIterator());
    expect(recorder.of('keyslot:command').filter(({ command }) => command === 'SCAN').length).toBeGreaterThan(
      2,
    );
  });

  it('that is rejected before it is sent is reported in its promise', async () => {
    await expect(cluster.mget('a', 'b')).rejects.toMatchObject({ code: 'CROSS_SLOT' });
    // the topology may be refreshed meanwhile
    expect(recorder.events.filter((event) => !event.startsWith('keyslot:topology:'))).toEqual([]);
  });
});

describe('a pipeline', () => {
  it('has one context, with a part for each node, and no contexts of its commands', async () => {
    await cluster.set('{a}s', SECRET);
    recorder.clear();
    const pipeline = cluster.pipeline();
    for (let i = 0; i < 60; i++) pipeline.set(`pipe:${i}`, SECRET);
    pipeline.lpush('{a}s', 'x');
    await pipeline.exec();
    expect(recorder.of('keyslot:command')).toEqual([]);
    const context = recorder.only('keyslot:pipeline');
    expect(context).toMatchObject({
      batchSize: 61,
      commands: ['SET', 'LPUSH'],
      failed: 1,
      outcome: 'error',
      errorCode: 'WRONGTYPE',
      attempts: 61,
    });
    expect(context.nodes.reduce((sum, { commands }) => sum + commands, 0)).toBe(61);
    expect(context.nodes.find(({ node }) => node === ownerOf('{a}s'))).toMatchObject({ failed: 1 });
    expect(recorder.events).toEqual(ORDER.map((part) => `keyslot:pipeline:${part}`));
  });
});

describe('a transaction', () => {
  it('by multi() has one context', async () => {
    await cluster.multi().set('{t}a', SECRET).incr('{t}n').exec();
    expect(recorder.only('keyslot:transaction')).toMatchObject({
      kind: 'multi',
      batchSize: 2,
      commands: ['SET', 'INCR'],
      slot: keySlot('{t}a'),
      node: ownerOf('{t}a'),
      conflicts: 0,
      outcome: 'ok',
    });
    expect(recorder.of('keyslot:command')).toEqual([]);
  });

  it('by a function has one for all its attempts, around those of its commands', async () => {
    let runs = 0;
    await cluster.transaction(['{t}w'], async (tx) => {
      await tx.get('{t}w');
      if (runs++ === 0) await cluster.set('{t}w', SECRET);
      return tx.multi().set('{t}w', SECRET);
    });
    expect(recorder.only('keyslot:transaction')).toMatchObject({
      kind: 'watch',
      batchSize: 1,
      commands: ['SET'],
      conflicts: 1,
      attempts: 2,
      node: ownerOf('{t}w'),
      outcome: 'ok',
    });
    expect(recorder.of('keyslot:command').map(({ command, kind }) => `${command} ${kind}`)).toEqual([
      'GET leased',
      'SET single',
      'GET leased',
    ]);
  });
});

describe('redirects', () => {
  it('are counted and listed while slots move', async () => {
    const key = 'moving-key';
    const slot = keySlot(key);
    await cluster.set(key, SECRET);
    const from = ownerOf(key);
    const to = cluster.topology.primaries.find(({ name }) => name !== from)!;
    recorder.clear();
    await local.migrateSlots([slot], from, to);
    await cluster.get(key);
    const context = recorder.of('keyslot:command').at(-1)!;
    expect(context).toMatchObject({
      command: 'GET',
      redirects: { moved: 1, ask: 0 },
      attempts: 2,
      node: to.name,
      events: [{ kind: 'redirect', reason: 'MOVED', node: from, to: to.name }],
      nodes: [{ node: to.name }],
    });
    await eventually(() => recorder.of('keyslot:topology').length > 0);
    expect(recorder.of('keyslot:topology')[0]).toMatchObject({
      nodeCount: expect.any(Number),
      coveredSlots: SLOT_COUNT,
    });
  });
});

describe('what happens under way', () => {
  it('is listed: an ASK redirect, and waits until a slot has all keys of a call', async () => {
    const [key, absent] = ['{asked}k', '{asked}absent'];
    await cluster.set(key, SECRET);
    const from = ownerOf(key);
    const to = cluster.topology.primaries.find(({ name }) => name !== from)!;
    const migration = await local.beginSlotMigration(keySlot(key), from, to);
    recorder.clear();
    await cluster.get(absent);
    expect(recorder.only('keyslot:command')).toMatchObject({
      redirects: { moved: 0, ask: 1 },
      events: [{ kind: 'redirect', reason: 'ASK', node: from, to: to.name }],
      node: to.name,
      outcome: 'ok',
    });
    recorder.clear();
    const call = cluster.with({ deadlineMs: 200 }).mget(key, absent);
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const context = recorder.only('keyslot:command');
    expect(context.retries).toBeGreaterThan(0);
    expect(context.events).toContainEqual(
      expect.objectContaining({ kind: 'retry', reason: 'TRYAGAIN', node: from }),
    );
    await migration.moveKeys();
    await migration.finish();
  });

  it('is listed: a read that is sent again after a lost reply, and a write whose outcome is unknown', async () => {
    const relays = await Relays.start(local.seeds);
    const client = new ClusterClient(relays.options);
    try {
      await client.connect();
      await client.set('{lost}k', '1');
      const owner = client.topology.nodeForSlot(keySlot('{lost}k'))!.name;
      const relay = relays.all.find(({ name }) => name === owner)!;
      const losesOnce = (command: string): void => {
        let losses = 0;
        relay.losesReplyTo = ([name]) => name.toLowerCase() === command && ++losses === 1;
      };
      losesOnce('get');
      recorder.clear();
      await client.get('{lost}k');
      expect(recorder.of('keyslot:command').at(-1)).toMatchObject({
        attempts: 2,
        retries: 1,
        events: [{ kind: 'resend', reason: 'CONNECTION', node: owner }],
        outcome: 'ok',
      });
      losesOnce('incr');
      recorder.clear();
      await expect(client.incr('{lost}k')).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      expect(recorder.of('keyslot:command').at(-1)).toMatchObject({
        outcome: 'unknown',
        errorCode: 'OUTCOME_UNKNOWN',
        nodes: [{ node: owner, failed: 1, outcome: 'unknown' }],
      });
    } finally {
      await client.close();
      await relays.stop();
    }
  });
});

describe('messages', () => {
  it('are published with a context of their own', async () => {
    await cluster.pubsub.publish('news', SECRET);
    expect(recorder.only('keyslot:publish')).toMatchObject({
      kind: 'channel',
      channel: 'news',
      batchSize: 1,
      receivers: 0,
      outcome: 'ok',
      attempts: 1,
    });
    expect(recorder.of('keyslot:command')).toEqual([]);
    recorder.clear();
    await cluster.pubsub.publishManySharded([
      { channel: 'one', value: SECRET },
      { channel: 'two', value: SECRET },
    ]);
    expect(recorder.only('keyslot:publish')).toMatchObject({ kind: 'sharded', batchSize: 2, failed: 0 });
    expect(recorder.only('keyslot:publish').channel).toBeUndefined();
  });
});

describe('connections', () => {
  it('are traced from the start of a client to those of its nodes', async () => {
    const other = open();
    await other.connect();
    await other.close();
    const contexts = recorder.of('keyslot:connect');
    expect(contexts.filter(({ purpose }) => purpose === 'client')).toMatchObject([
      { outcome: 'ok', tls: false },
    ]);
    const shared = contexts.filter(({ purpose }) => purpose === 'shared');
    expect(new Set(shared.map(({ node }) => node)).size).toBeGreaterThanOrEqual(3);
  });

  it('that fail say why', async () => {
    const nowhere = new ClusterClient({ nodes: ['127.0.0.1:1'], startupTimeoutMs: 200 });
    await expect(nowhere.connect()).rejects.toThrow();
    const client = recorder.of('keyslot:connect').find(({ purpose }) => purpose === 'client');
    expect(client).toMatchObject({ outcome: 'error', errorCode: 'NO_NODE_REACHABLE' });
    await nowhere.close();
  });
});

describe('contexts', () => {
  it('never hold values, and keys only where they are wanted', async () => {
    const useAll = async (client: ClusterClient): Promise<void> => {
      await client.set(KEY, SECRET);
      await client.lpush(KEY, SECRET).catch(() => {});
      await client.call('nosuchcommand', KEY, SECRET).catch(() => {});
      await client.eval('return redis.error_reply("WRONGTYPE no")', 1, KEY, SECRET).catch(() => {});
      await client.pipeline().get(KEY).set(KEY, SECRET).lpush(KEY, SECRET).exec();
      await client.multi().get(KEY).set(KEY, SECRET).lpush(KEY, SECRET).exec();
      await client.transaction([KEY], async (tx) => tx.multi().set(KEY, (await tx.get(KEY)) ?? ''));
      await client.pubsub.publish('news', SECRET);
      await client.mget(KEY, `${KEY}2`).catch(() => {});
      await client.del(KEY, `${KEY}2`);
    };
    await useAll(cluster);
    expect(recorder.text()).toContain('WRONGTYPE');
    expect(recorder.text()).not.toContain(SECRET);
    expect(recorder.text()).not.toContain(KEY);
    recorder.clear();
    const showing = open({ telemetry: { keys: true } });
    await useAll(showing);
    await showing.close();
    expect(recorder.text()).not.toContain(SECRET);
    expect(recorder.of('keyslot:command')[0].keys).toEqual([KEY]);
    expect(recorder.only('keyslot:pipeline').keys).toEqual([KEY, KEY, KEY]);
  });
});

describe('subscribers', () => {
  it('bind stores that hold in what an operation calls, and not after it', async () => {
    const store = new AsyncLocalStorage<string>();
    const { start } = keyslotChannel('keyslot:transaction');
    start.bindStore(store as never, (() => 'inside') as never);
    try {
      const seen: unknown[] = [];
      await cluster.transaction(['{t}w'], async (tx) => {
        seen.push(store.getStore());
        await tx.get('{t}w');
        seen.push(store.getStore());
        return tx.multi().set('{t}w', '1');
      });
      expect(seen).toEqual(['inside', 'inside']);
      expect(store.getStore()).toBeUndefined();
    } finally {
      start.unbindStore(store as never);
    }
  });

  it('that throw stop nothing, and are reported once', async () => {
    const warnings: string[] = [];
    const emitted = jest.spyOn(process, 'emitWarning').mockImplementation(((text: string, name: string) => {
      warnings.push(`${name}: ${text}`);
    }) as never);
    const store = new AsyncLocalStorage();
    const fail = (): never => {
      throw new Error('subscriber is broken');
    };
    const failToo = (): never => {
      throw new Error('transform is broken');
    };
    const channel = keyslotChannel('keyslot:command');
    const handlers = { start: fail, end: fail, asyncStart: fail, asyncEnd: fail, error: fail };
    channel.subscribe(handlers);
    channel.start.bindStore(store as never, failToo as never);
    try {
      await cluster.set('{a}s', '1');
      expect(await cluster.get('{a}s')).toBe('1');
      await cluster.get('{a}s');
      expect(warnings).toEqual([
        expect.stringMatching(
          /KeyslotTracingWarning: .*keyslot:command:start threw Error: transform is broken/,
        ),
        expect.stringMatching(
          /KeyslotTracingWarning: .*keyslot:command:start threw Error: subscriber is broken/,
        ),
      ]);
    } finally {
      channel.unsubscribe(handlers);
      channel.start.unbindStore(store as never);
      emitted.mockRestore();
    }
  });

  it('that subscribe during a call see nothing of it', async () => {
    recorder.stop();
    const call = cluster.get('{a}s');
    recorder = new TracingRecorder();
    await call;
    // the topology may be refreshed meanwhile
    expect(recorder.events.filter((event) => !event.startsWith('keyslot:topology:'))).toEqual([]);
  });
});
