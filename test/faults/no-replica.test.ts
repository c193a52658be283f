import { isDeepStrictEqual } from 'node:util';
import {
  ClusterClient,
  keySlot,
  PartialFailureError,
  type ClusterClientOptions,
  type ClusterError,
} from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { breakableCluster } from '../breakable-cluster.js';
import { eventually } from '../cluster-fixture.js';

/** The code of an error, and whether it says that the call took effect. */
const fateOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch(({ code, applied }: ClusterError) => [code, applied]);
const codesOf = (results: readonly [Error | null, unknown][]): unknown[] =>
  results.map(([error, reply]) => (error === null ? reply : (error as ClusterError).code));

const NOT_EXECUTED = ['DEADLINE_EXCEEDED', false];
const UNKNOWN = ['OUTCOME_UNKNOWN', 'unknown'];

describe('a cluster with a shard that has no replica', () => {
  let cluster: LocalCluster;
  let sick: LocalNode;
  /** Keys of the shard that gets sick, and of another. */
  let there: (name: string) => string;
  let elsewhere: (name: string) => string;
  const clients: ClusterClient[] = [];

  const clientOf = async (options: ClusterClientOptions = {}): Promise<ClusterClient> => {
    const client = new ClusterClient({
      nodes: cluster.seeds,
      replyTimeoutMs: 100,
      deadlineMs: 400,
      ...options,
    });
    clients.push(client);
    await client.connect();
    return client;
  };

  const SETUP = { primaries: 3, replicasPerPrimary: 0, nodeTimeoutMs: 500, requireFullCoverage: false };
  breakableCluster(SETUP, async (whole) => {
    cluster = whole;
    sick = await cluster.primaryOfSlot(keySlot('{sick}'));
    there = (name) => `{sick}${name}`;
    let tag = 0;
    while ((await cluster.primaryOfSlot(keySlot(`{${tag}}`))) === sick) tag++;
    elsewhere = (name) => `{${tag}}${name}`;
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    if (sick.state === 'frozen') await cluster.thaw(sick);
  });

  const restart = async (): Promise<void> => {
    await cluster.restart(sick);
    await cluster.waitUntilStable();
  };

  /** Waits until the client holds back what it is asked to send to the sick node. */
  const untilSuspected = (client: ClusterClient): Promise<unknown> =>
    eventually(async () => {
      const fate = await fateOf(client.with({ deadlineMs: 20 }).incr(there('probe')));
      return isDeepStrictEqual(fate, NOT_EXECUTED);
    });

  describe('with a dead primary', () => {
    beforeEach(() => cluster.kill(sick));
    afterEach(restart);

    it('rejects a connection that requires full coverage, and accepts one that does not', async () => {
      const strict = new ClusterClient({ nodes: cluster.seeds, startupTimeoutMs: 300 });
      clients.push(strict);
      expect(await fateOf(strict.connect())).toEqual([
        expect.stringMatching(/NO_NODE_REACHABLE|SLOTS_NOT_COVERED/),
        false,
      ]);
      const lax = await clientOf({ requireFullCoverage: false });
      expect(await lax.set(elsewhere('a'), 1)).toBe('OK');
      expect(await fateOf(lax.set(there('a'), 1))).toEqual(NOT_EXECUTED);
    });

    it('reports to every caller in time that nothing was executed', async () => {
      const client = await clientOf({ requireFullCoverage: false });
      const calls = [
        client.get(there('a')),
        client.incr(there('a')),
        client.multi().incr(there('a')).exec(),
        client.eval('return 1', 1, there('a')),
        client.blpop(there('list'), 1),
      ];
      expect(await Promise.all(calls.map(fateOf))).toEqual(calls.map(() => NOT_EXECUTED));
    });

    it('reports what the other shards executed', async () => {
      const client = await clientOf({ requireFullCoverage: false });
      await client.mset({ [elsewhere('a')]: 1, [elsewhere('b')]: 2 });
      const piped = await client.pipeline().get(elsewhere('a')).get(there('a')).get(elsewhere('b')).exec();
      expect(codesOf(piped)).toEqual(['1', 'DEADLINE_EXCEEDED', '2']);
      const error: unknown = await client.del(elsewhere('a'), there('a')).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PartialFailureError);
      const { replies, errors } = error as PartialFailureError;
      expect([[...replies.values()], [...errors.values()]]).toEqual([
        [1],
        [expect.objectContaining({ code: 'DEADLINE_EXCEEDED' })],
      ]);
    });
  });

  it('rejects reads that require a replica', async () => {
    const client = await clientOf();
    await client.set(there('a'), 1);
    expect(await fateOf(client.with({ readFrom: 'replica' }).get(there('a')))).toEqual(['NO_REPLICA', false]);
    for (const readFrom of [
      'replicaPreferred',
      'roundRobin',
      'roundRobinReplicas',
      'randomReplica',
      'lowestLatency',
    ] as const) {
      expect(await client.with({ readFrom }).get(there('a'))).toBe('1');
    }
    expect(await client.with({ readFrom: 'replica' }).set(there('a'), 2)).toBe('OK');
  });

  it('serves calls that were waiting when it died, once it is back', async () => {
    const client = await clientOf({ deadlineMs: 20_000 });
    await cluster.kill(sick);
    const waiting = [client.incr(there('back')), client.get(there('back')), client.incr(there('back'))];
    expect(await client.set(elsewhere('a'), 1)).toBe('OK');
    await cluster.restart(sick);
    expect(await Promise.all(waiting)).toEqual([1, '1', 2]);
    await cluster.waitUntilStable();
  });

  it('dies during a long pipeline: commands that were sent are unknown, and the rest was not executed or succeeded', async () => {
    const client = await clientOf({ deadlineMs: 4_000 });
    const pipeline = client.pipeline();
    for (let i = 0; i < 4_000; i++) pipeline.incr(there(`long${i}`)).incr(elsewhere(`long${i}`));
    const executed = pipeline.exec();
    await client.get(there('a'));
    await cluster.kill(sick);
    const codes = codesOf(await executed);
    expect(codes.filter((_, i) => i % 2 === 1)).toEqual(Array.from({ length: 4_000 }, () => 1));
    const kinds = new Set(codes.filter((_, i) => i % 2 === 0));
    const foreseen: unknown[] = [1, 'OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED'];
    expect([...kinds].filter((code) => !foreseen.includes(code))).toEqual([]);
    await restart();
  });

  describe('with a frozen primary', () => {
    it('leaves the outcome of sent commands unknown, and reports that all others were not executed', async () => {
      const client = await clientOf();
      await cluster.freeze(sick);
      const sent = [client.incr(there('a')), client.multi().incr(there('a')).exec()].map(fateOf);
      const read = fateOf(client.get(there('a')));
      expect(await client.set(elsewhere('a'), 1)).toBe('OK');
      await untilSuspected(client);
      const later = [client.incr(there('a')), client.set(there('a'), 1), client.get(there('a'))].map(fateOf);
      const patient = client.with({ deadlineMs: 20_000 });
      const thawed = [patient.incr(there('patient')), patient.get(there('patient'))];
      expect(await Promise.all(sent)).toEqual([UNKNOWN, UNKNOWN]);
      expect(await read).toEqual(NOT_EXECUTED);
      expect(await Promise.all(later)).toEqual([NOT_EXECUTED, NOT_EXECUTED, NOT_EXECUTED]);
      await cluster.thaw(sick);
      expect(await Promise.all(thawed)).toEqual([1, '1']);
      // what was unknown was executed after all; what was said not to be, was not
      expect(await client.with({ deadlineMs: 20_000 }).get(there('a'))).toBe('2');
    });

    it('does not slow the other shards down', async () => {
      const client = await clientOf({ deadlineMs: 10_000 });
      await cluster.freeze(sick);
      const stuck = Array.from({ length: 1_000 }, (_, i) => fateOf(client.get(there(`k${i}`))));
      for (let round = 0; round < 50; round++) {
        const keys = Array.from({ length: 100 }, (_, i) => elsewhere(`k${i}`));
        const set = await Promise.all(keys.map((key) => client.set(key, round)));
        expect(new Set(set)).toEqual(new Set(['OK']));
      }
      await cluster.thaw(sick);
      expect(new Set(await Promise.all(stuck))).toEqual(new Set([null]));
    });

    it('accepts no more commands than the limits allow, and rejects the others at once', async () => {
      const client = await clientOf({
        maxPendingPerNode: { commands: 10, bytes: 10_000 },
        deadlineMs: 10_000,
      });
      await cluster.freeze(sick);
      const patient = client.with({ deadlineMs: 20_000 });
      const taken = Array.from({ length: 10 }, (_, i) => patient.incr(there(`bound${i}`)));
      expect(await Promise.all(Array.from({ length: 5 }, () => fateOf(client.incr(there('bound')))))).toEqual(
        Array.from({ length: 5 }, () => ['BACKPRESSURE', false]),
      );
      expect(await fateOf(client.multi().incr(there('bound')).exec())).toEqual(['BACKPRESSURE', false]);
      const fates = async (view: Pick<ClusterClient, 'pipeline'>): Promise<unknown[]> =>
        codesOf(await view.pipeline().get(there('bound')).get(elsewhere('bound')).exec());
      // a batch waits for room, and nobody else waits with it
      const hasty = fates(client.with({ deadlineMs: 1_000 }));
      expect(await client.set(elsewhere('a'), 1)).toBe('OK');
      expect(await hasty).toEqual(['DEADLINE_EXCEEDED', null]);
      await cluster.thaw(sick);
      expect(await Promise.all(taken)).toEqual(taken.map(() => 1));
      expect(await client.incr(there('bound'))).toBe(1);
    });

    it('accepts no more bytes than the limits allow', async () => {
      const client = await clientOf({ maxPendingPerNode: { bytes: 10_000 }, deadlineMs: 10_000 });
      await cluster.freeze(sick);
      const patient = client.with({ deadlineMs: 20_000 });
      const taken = [1, 2].map(() => patient.set(there('bytes'), 'x'.repeat(4_900)));
      expect(await fateOf(client.set(there('bytes'), 'x'.repeat(2_000)))).toEqual(['BACKPRESSURE', false]);
      taken.push(patient.set(there('bytes'), 'y'));
      await cluster.thaw(sick);
      expect(await Promise.all(taken)).toEqual(['OK', 'OK', 'OK']);
      // one call alone may be larger than the bounds, or it never could be made
      expect(await client.set(there('bytes'), 'x'.repeat(20_000))).toBe('OK');
    });

    it('waits for it if it is only unreachable for a moment', async () => {
      const client = await clientOf({ deadlineMs: 10_000 });
      await cluster.freeze(sick);
      const calls = Array.from({ length: 100 }, (_, i) => client.incr(there(`moment${i}`)));
      await untilSuspected(client);
      await cluster.thaw(sick);
      expect(await Promise.all(calls)).toEqual(calls.map(() => 1));
    });
  });

  it('loses nothing if it is busy for longer than the suspicious silence', async () => {
    const client = await clientOf({ deadlineMs: 20_000 });
    const busy = `local till = redis.call('TIME') till = till[1] * 1000 + till[2] / 1000 + 400
      while true do local now = redis.call('TIME') if now[1] * 1000 + now[2] / 1000 > till then break end end
      return redis.call('INCR', KEYS[1])`;
    const script = client.eval(busy, 1, there('busy'));
    const calls = Array.from({ length: 50 }, () => client.incr(there('beside')));
    expect(await client.set(elsewhere('a'), 1)).toBe('OK');
    await eventually(() => client.get(there('busy')).then((value) => value === '1'));
    expect(await script).toBe(1);
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });
});
