import { ClusterClient, CrossSlotError, Script } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';

const INCREMENT = new Script(`local n = redis.call('INCRBY', KEYS[1], ARGV[1]) return {n, KEYS[1], ARGV[2]}`);
const READ = new Script(`return redis.call('GET', KEYS[1])`, true);

describe('a healthy cluster, running scripts', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  let keys = 0;
  const newKey = (): string => `${shared.keyspace}${keys++}`;

  beforeAll(async () => {
    client = new ClusterClient({ nodes: shared.nodes });
    await client.connect();
  });

  afterAll(() => client.close());

  /** A script that no server has seen. */
  const newScript = (): Script => new Script(`redis.call('INCR', KEYS[1]) return '${newKey()}'`);

  it('sends scripts to the node of their keys, by hash once they are loaded', async () => {
    for (let i = 0; i < 20; i++) {
      const key = newKey();
      expect(await client.runScript(INCREMENT, [key], [3, 'é'])).toEqual([3, key, 'é']);
    }
    const bytes = Buffer.from([0, 255]);
    expect(await client.runScript(INCREMENT, [bytes], [1, bytes], { buffers: true })).toEqual([
      expect.any(Number),
      bytes,
      bytes,
    ]);
  });

  it('recovers from NOSCRIPT after the servers lost the scripts, and runs them once', async () => {
    const script = newScript();
    const key = newKey();
    await client.script('LOAD', script.lua);
    await client.runScript(script, [key], []);
    expect(await client.script('EXISTS', script.sha)).toEqual([1]);
    expect(await client.script('FLUSH')).toBe('OK');
    expect(await client.script('EXISTS', script.sha)).toEqual([0]);
    await client.runScript(script, [key], []);
    await client.runScript(script, [key], []);
    expect(await client.get(key)).toBe('3');
  });

  it('loads scripts into all shards', async () => {
    const script = newScript();
    expect(await client.script('LOAD', script.lua)).toBe(script.sha);
    const names = Array.from({ length: 30 }, newKey);
    await Promise.all(names.map((key) => client.evalsha(script.sha, 1, key)));
    expect(await Promise.all(names.map((key) => client.get(key)))).toEqual(names.map(() => '1'));
  });

  it('rejects keys of two slots before anything is sent', async () => {
    const [a, b] = ['{a}', '{b}'].map((name) => shared.keyspace + name);
    await expect(client.runScript(INCREMENT, [a, b], [1])).rejects.toBeInstanceOf(CrossSlotError);
    await expect(client.eval('return 1', 2, a, b)).rejects.toBeInstanceOf(CrossSlotError);
    await expect(client.evalsha(INCREMENT.sha, 2, a, b)).rejects.toBeInstanceOf(CrossSlotError);
    expect(await client.exists(a, b)).toBe(0);
  });

  it('names cluster.nonAtomic only where it has the command', async () => {
    const [a, b] = ['{a}', '{b}'].map((name) => shared.keyspace + name);
    const adviceOf = async (call: Promise<unknown>): Promise<string> => {
      const { message } = (await call.catch((error: unknown) => error)) as Error;
      return message.slice(message.indexOf('Give'));
    };
    const tag = 'Give the keys a common {hash tag}';
    expect(await adviceOf(client.eval('return 1', 2, a, b))).toBe(`${tag}.`);
    expect(await adviceOf(client.sintercard(2, a, b))).toBe(`${tag}.`);
    expect(await adviceOf(client.sinter(a, b))).toBe(
      `${tag}, or use cluster.nonAtomic if you do not need atomicity.`,
    );
  });

  it('refuses a script that is not text', () => {
    expect(() => new Script(undefined as never)).toThrow('A Script needs Lua as text, got undefined');
  });

  it('runs scripts without keys on some node', async () => {
    expect(await client.eval('return ARGV[1]', 0, 'x')).toBe('x');
    expect(await client.runScript(new Script('return {1, {2, false}}'), [], [])).toEqual([1, [2, null]]);
  });

  it('returns the errors of a script with their codes and words', async () => {
    const key = newKey();
    await expect(client.eval(`return redis.error_reply('MINE own words')`, 1, key)).rejects.toMatchObject({
      name: 'ReplyError',
      code: 'MINE',
      message: expect.stringMatching(/^MINE own words \(EVAL on \S+:\d+\)$/),
    });
    await expect(client.runScript(new Script(`error('broken')`), [key], [])).rejects.toThrow(/broken/);
    await expect(client.runScript(new Script(`no lua`), [key], [])).rejects.toMatchObject({ code: 'ERR' });
  });

  it('rejects a write in a script that is declared read-only', async () => {
    const key = newKey();
    await client.set(key, 'v');
    expect(await client.runScript(READ, [key], [])).toBe('v');
    const lying = new Script(`return redis.call('DEL', KEYS[1])`, true);
    await expect(client.runScript(lying, [key], [])).rejects.toMatchObject({ name: 'ReplyError' });
    expect(await client.get(key)).toBe('v');
  });

  it('accepts scripts in pipelines and transactions', async () => {
    const key = newKey();
    const results = await client
      .pipeline()
      .eval(INCREMENT.lua, 1, key, 1, 'a')
      .evalsha(INCREMENT.sha, 1, key, 1, 'b')
      .evalsha('f'.repeat(40), 1, key)
      .exec();
    expect(results).toEqual([
      [null, [1, key, 'a']],
      [null, [2, key, 'b']],
      [expect.objectContaining({ code: 'NOSCRIPT' }), undefined],
    ]);
    expect(await client.multi().eval(INCREMENT.lua, 1, key, 5, 'c').get(key).exec()).toEqual([
      [null, [7, key, 'c']],
      [null, '7'],
    ]);
  });
});
