import { ClusterClient, OutcomeUnknownError, Script, type ClusterError } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { Relays } from '../fake-node.js';

/**
 * A command is executed, its reply is lost, and what is sent again is refused. What the server says then is about the
 * second attempt only.
 */
describe('a command that is rejected when it is sent again', () => {
  let local: LocalCluster;
  let relays: Relays;
  let client: ClusterClient;
  let truth: ClusterClient;
  let lost = 0;
  let keys = 0;
  /** What happens between the first attempt and the second. */
  let between: () => Promise<unknown> = () => Promise.resolve();

  const asAdmin = (...words: [string, ...string[]]): Promise<unknown> =>
    Promise.all(local.nodes.map((node) => local.command(node, ...words)));

  beforeAll(async () => {
    local = await LocalCluster.start({
      primaries: 2,
      replicasPerPrimary: 0,
      users: { default: 'on nopass ~* &* +@all', app: 'on >pw ~* &* +@all' },
    });
    truth = new ClusterClient({ nodes: local.seeds });
    await truth.connect();
    relays = await Relays.start(local.nodes);
    for (const relay of relays.all) {
      relay.losesReplyTo = (request) => request.some((part) => part.includes('lost:')) && lost-- > 0;
      relay.beforeLoss = () => between();
    }
    client = new ClusterClient({ ...relays.options, username: 'app', password: 'pw' });
    await client.connect();
  });

  afterEach(async () => {
    await asAdmin('ACL', 'SETUSER', 'app', '+@all');
    await asAdmin('CONFIG', 'SET', 'min-replicas-to-write', '0');
  });

  afterAll(async () => {
    await client?.close();
    await truth?.close();
    await relays?.stop();
    await local?.stop();
  });

  const script = new Script(`return redis.call('SET', KEYS[1], ARGV[1])`);
  const first = async (results: Promise<[Error | null, unknown][]>): Promise<unknown> => {
    const [[error, reply]] = await results;
    if (error !== null) throw error;
    return reply;
  };

  /** Ways to write a key, of which each is sent again where its reply was lost. */
  const WRITES: readonly [
    string,
    (view: ReturnType<ClusterClient['with']>, key: string) => Promise<unknown>,
  ][] = [
    ['a call', (view, key) => view.set(key, 'new')],
    ['a pipeline', (view, key) => first(view.pipeline().set(key, 'new').exec())],
    ['a transaction', (view, key) => view.with({ retry: 'always' }).multi().set(key, 'new').exec()],
    ['a script', (view, key) => view.with({ retry: 'always' }).runScript(script, [key], ['new'])],
    [
      'a script of a pipeline',
      (view, key) => first(view.with({ retry: 'always' }).pipeline().eval(script.lua, 1, key, 'new').exec()),
    ],
    [
      'a durable write',
      (view, key) => view.with({ durability: { replicas: 1, timeoutMs: 100 } }).set(key, 'new'),
    ],
    [
      'a durable transaction',
      (view, key) => {
        const durable = view.with({ retry: 'always', durability: { replicas: 1, timeoutMs: 100 } });
        return durable.multi().set(key, 'new').exec();
      },
    ],
    [
      'nonAtomic.mset',
      (view, key) =>
        view.nonAtomic
          .mset(key, 'new', `${key}b`, 'new')
          .catch((error) => Promise.reject(error.errors.get(key))),
    ],
  ];

  const REFUSALS: readonly [code: string, refuse: () => Promise<unknown>][] = [
    ['NOPERM', () => asAdmin('ACL', 'SETUSER', 'app', '-@all', '+ping', '+cluster', '+multi', '+exec')],
    ['NOREPLICAS', () => asAdmin('CONFIG', 'SET', 'min-replicas-to-write', '3')],
  ];

  it.each(
    WRITES.flatMap(([way, write]) => REFUSALS.map(([code, refuse]) => [way, code, write, refuse] as const)),
  )('%s, rejected with %s: the outcome is unknown', async (_, code, write, refuse) => {
    const key = `lost:${keys++}`;
    await truth.set(key, 'old');
    // so that a script is known, and the request that is lost is the one that runs
    await client.script('LOAD', script.lua);
    lost = 1;
    between = refuse;
    const error: ClusterError = await write(client, key).then(
      () => Promise.reject(new Error('answered')),
      (reason: ClusterError) => reason,
    );
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({ applied: 'unknown', retryable: false });
    const cause = error.cause as ClusterError;
    expect([code, 'EXECABORT']).toContain(cause.code);
    expect(cause).toMatchObject({ applied: false });
    expect(await truth.get(key)).toBe('new');
  });

  it('to a named node: the outcome is unknown as well', async () => {
    // the settings are replaced by the same, so this is asked again
    for (const relay of relays.all)
      relay.losesReplyTo = (request) => request.includes('slowlog-max-len') && lost-- > 0;
    lost = 1;
    between = () => asAdmin('ACL', 'SETUSER', 'app', '-config');
    const error = await client
      .target('primaries')
      .config('SET', 'slowlog-max-len', '77')
      .catch((reason: ClusterError) => reason);
    expect(error).toMatchObject({ code: 'PARTIAL_FAILURE', applied: 'unknown' });
  });

  it('that blocks: the outcome is unknown as well', async () => {
    const key = `lost:${keys++}`;
    await truth.rpush(key, 'taken');
    for (const relay of relays.all) relay.losesReplyTo = (request) => request.includes(key) && lost-- > 0;
    lost = 1;
    between = () => asAdmin('ACL', 'SETUSER', 'app', '-blpop');
    await expect(client.with({ retry: 'always' }).blpop(key, 1)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      applied: 'unknown',
      cause: expect.objectContaining({ code: 'NOPERM' }) as unknown,
    });
    expect(await truth.exists(key)).toBe(0);
  });

  it.each([
    ['may not watch any more', '-watch', 'NOPERM'],
    ['may not write any more', '-set', 'NOPERM'],
    ['may not execute any more', '-exec', 'EXECABORT'],
  ])(
    'a transaction that has written immediately, and %s: the outcome is unknown as well',
    async (_, right, code) => {
      const key = `lost:${keys++}`;
      for (const relay of relays.all)
        relay.losesReplyTo = (request) => request.includes(key) && request.includes('new') && lost-- > 0;
      lost = 1;
      between = () => asAdmin('ACL', 'SETUSER', 'app', right);
      const call = client.transaction([key], async (tx) => {
        await tx.set(key, 'new');
        return tx.multi().get(key);
      });
      await expect(call).rejects.toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        applied: 'unknown',
        cause: expect.objectContaining({ code }) as unknown,
      });
      expect(await truth.get(key)).toBe('new');
    },
  );

  it('that only reads: the rejection is reported', async () => {
    const key = `lost:${keys++}`;
    for (const relay of relays.all) relay.losesReplyTo = (request) => request.includes(key) && lost-- > 0;
    lost = 1;
    between = () => asAdmin('ACL', 'SETUSER', 'app', '-get');
    await expect(client.get(key)).rejects.toMatchObject({ code: 'NOPERM', applied: false });
  });
});
