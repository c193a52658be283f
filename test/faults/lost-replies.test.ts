import { ClusterClient, OutcomeUnknownError, Script, type ClusterError, type RetryMode } from 'keyslot';
import { sharedCluster } from '../cluster-fixture.js';
import { Relays, type Request } from '../fake-node.js';

const durability = { replicas: 1, timeoutMs: 5_000 };
/** Begins the keys whose requests are executed and never answered, `losses` times. */
const LOST = 'lost:';

describe('a cluster whose replies are lost in transit', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  /** Sees what the servers hold, past the relays. */
  let truth: ClusterClient;
  let relays: Relays;
  let losses = 0;
  let keys = 0;

  const isLost = (request: Request): boolean => {
    if (losses === 0 || !request.some((part) => part.includes(LOST))) return false;
    losses--;
    return true;
  };
  const newKey = (): string => `${shared.keyspace}${LOST}${keys++}`;
  const fateOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.catch((error: ClusterError) => error.code);

  beforeAll(async () => {
    truth = new ClusterClient({ nodes: shared.nodes });
    await truth.connect();
    relays = await Relays.start(truth.topology.nodes);
    for (const relay of relays.all) relay.losesReplyTo = isLost;
    client = new ClusterClient(relays.options);
    await client.connect();
  });

  afterAll(async () => {
    await client?.close();
    await truth?.close();
    await relays?.stop();
  });

  beforeEach(() => {
    losses = 0;
    relays.forget();
  });

  it('INCR: reports an unknown outcome, and never runs twice', async () => {
    const key = newKey();
    losses = 1;
    const error: unknown = await client.incr(key).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', applied: 'unknown', retryable: false });
    expect(relays.seen('incr')).toHaveLength(1);
    expect(await truth.get(key)).toBe('1');
    expect(await client.incr(key)).toBe(2);
  });

  it.each<[string, (key: string) => Promise<unknown>, unknown]>([
    ['GET', (key) => client.get(key), 'v'],
    ['SET', (key) => client.set(key, 'w'), 'OK'],
    ['SET with an expiry', (key) => client.set(key, 'w', 'EX', 100), 'OK'],
    ['EXPIRE', (key) => client.expire(key, 100), 1],
    ['STRLEN in a pipeline', async (key) => (await client.pipeline().strlen(key).exec())[0][1], 1],
    ['a transaction that reads', async (key) => (await client.multi().get(key).exec())[0][1], 'v'],
    ['GET where only reads are', (key) => client.with({ retry: 'reads' }).get(key), 'v'],
    [
      'a transaction that reads where only reads are',
      async (key) => (await client.with({ retry: 'reads' }).multi().get(key).exec())[0][1],
      'v',
    ],
    ['a durable SET', (key) => client.with({ durability }).set(key, 'w'), 'OK'],
    ['EXISTS over slots', (key) => client.exists(key, newKey()), 1],
    [
      'a script that reads',
      (key) => client.runScript(new Script(`return redis.call('GET', KEYS[1])`, true), [key], []),
      'v',
    ],
  ])('%s: is sent again', async (_, call, expected) => {
    const key = newKey();
    await truth.set(key, 'v');
    losses = 2;
    expect(await call(key)).toBe(expected);
    expect(losses).toBe(0);
  });

  it.each<[string, (key: string) => Promise<unknown>]>([
    ['SET NX', (key) => client.set(key, 'w', 'NX')],
    ['DEL', (key) => client.del(key)],
    ['HSET', (key) => client.hset(key, 'f', 1)],
    ['LPUSH', (key) => client.lpush(key, 1)],
    ['APPEND', (key) => client.append(key, 'x')],
    ['a transaction that writes', (key) => client.multi().incr(key).get(key).exec()],
    ['a script', (key) => client.runScript(new Script(`return redis.call('INCR', KEYS[1])`), [key], [])],
    ['a blocking pop', async (key) => (await truth.rpush(key, 'a', 'b')) && client.blpop(key, 1)],
    ['an INCR that may not be repeated', (key) => client.with({ retry: 'never' }).incr(key)],
    ['a SET that may not be repeated', (key) => client.with({ retry: 'never' }).set(key, 1)],
    ['a SET where only reads are', (key) => client.with({ retry: 'reads' }).set(key, 1)],
    ['an EXPIRE where only reads are', (key) => client.with({ retry: 'reads' }).expire(key, 1)],
    ['a durable SET where only reads are', (key) => client.with({ retry: 'reads', durability }).set(key, 1)],
    [
      'a blocking pop where only reads are',
      async (key) => (await truth.rpush(key, 'a', 'b')) && client.with({ retry: 'reads' }).blpop(key, 1),
    ],
    [
      'a durable transaction where only reads are',
      (key) => client.with({ retry: 'reads', durability }).multi().set(key, 1).exec(),
    ],
  ])('%s: is sent once', async (name, call) => {
    const key = newKey();
    losses = 1;
    expect(await fateOf(call(key))).toBe('OUTCOME_UNKNOWN');
    const repeated = relays.all.flatMap(({ chunks }) => chunks).filter((chunk) => chunk.flat().includes(key));
    // a script is first sent by its hash, which may be unknown
    expect(repeated.length).toBeLessThanOrEqual(name === 'a script' ? 2 : 1);
  });

  it.each<[string, RetryMode, string[]]>([
    ['again where writes without harm are', 'safe', ['OK', '2 runs']],
    ['but once where only reads are', 'reads', ['OUTCOME_UNKNOWN', '1 runs']],
  ])('a SET that a transaction runs immediately: is sent %s', async (_, retry, expected) => {
    const key = newKey();
    let runs = 0;
    const call = client.with({ retry }).transaction([`{${key.replace(LOST, '')}}`], async (tx) => {
      runs++;
      losses = runs === 1 ? 1 : 0;
      return tx.set(`{${key.replace(LOST, '')}}${LOST}`, 'v');
    });
    expect([await fateOf(call), `${runs} runs`]).toEqual(expected);
  });

  it('reads in a read-only transaction are sent again', async () => {
    const key = newKey();
    await truth.set(key, 'v');
    const view = client.with({ retry: 'reads' });
    losses = 2;
    expect(await view.transaction([key], async (tx) => tx.get(key))).toBe('v');
    expect(losses).toBe(0);
  });

  it('reads with retry: never fail, and nothing was applied', async () => {
    losses = 1;
    const read = client.with({ retry: 'never' }).get(newKey());
    await expect(read).rejects.toMatchObject({ code: 'CONNECTION', applied: false, retryable: true });
  });

  it('writes with retry: always are sent again', async () => {
    const key = newKey();
    losses = 1;
    expect(await client.with({ retry: 'always' }).incr(key)).toBe(2);
  });

  it('pipelines: each command follows its own rule', async () => {
    const [counter, text] = [newKey(), newKey()];
    losses = 1;
    const tag = `{${counter}}`;
    const results = await client
      .pipeline()
      .incr(counter)
      .set(`${tag}${text}`, 'v')
      .get(`${tag}${text}`)
      .exec();
    expect(results).toEqual([
      [expect.any(OutcomeUnknownError), undefined],
      [null, 'OK'],
      [null, 'v'],
    ]);
    expect(await truth.get(counter)).toBe('1');
  });

  it('keeps the order of what is sent again', async () => {
    for (let round = 0; round < 5; round++) {
      const key = newKey();
      losses = 1;
      const pipeline = client.pipeline();
      for (let i = 0; i < 50; i++) pipeline.set(key, i);
      const piped = pipeline.exec();
      const singles = Array.from({ length: 50 }, (_, i) => client.set(key, 50 + i));
      expect((await piped).map(([error]) => error)).toEqual(Array.from({ length: 50 }, () => null));
      await Promise.all(singles);
      expect(await truth.get(key)).toBe('99');
    }
  });

  it('2,000 calls on different keys: none runs twice, and no confirmed write is missing', async () => {
    let calls = 0;
    for (const relay of relays.all)
      relay.losesReplyTo = ([name]) => /^(incr|EXEC|evalsha)$/.test(name) && ++calls % 50 === 0;
    const script = new Script(`return redis.call('INCR', KEYS[1])`);
    await client.script('LOAD', script.lua);
    const ways: ((key: string) => Promise<unknown>)[] = [
      (key) => client.incr(key),
      (key) => client.multi().incr(key).exec(),
      (key) => client.runScript(script, [key], []),
      async (key) => {
        const [[error]] = await client.pipeline().incr(key).exec();
        if (error !== null) throw error;
      },
    ];
    const counters = Array.from({ length: 2_000 }, newKey);
    const fates: string[] = [];
    const worker = async (first: number): Promise<void> => {
      for (let i = first; i < counters.length; i += 20) {
        fates[i] = await ways[((i / 20) % 4) | 0](counters[i]).then(
          () => 'answered',
          (error: ClusterError) => error.code,
        );
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, first) => worker(first)));
    for (const relay of relays.all) relay.losesReplyTo = isLost;
    const values = await Promise.all(counters.map((key) => truth.get(key)));
    expect(new Set(fates)).toEqual(new Set(['answered', 'OUTCOME_UNKNOWN']));
    const wrong = counters.filter(
      (_, i) => values[i] !== '1' && !(fates[i] === 'OUTCOME_UNKNOWN' && values[i] === null),
    );
    expect(wrong).toEqual([]);
    await truth.unlink(counters);
  });
});
