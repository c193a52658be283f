import { ClusterClient, ReplyError, type ClusterError, type PipelineResults } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';
import { Relays, type Request } from '../../../fake-node.js';

/** Begins the keys whose requests are executed and never answered, once. */
const LOST = 'lost:';

describe('what happens to single commands of a pipeline', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  /** Goes straight to the nodes. */
  let direct: ClusterClient;
  let relays: Relays;
  let loses = false;
  let names = 0;

  const key = (name = ''): string => `${shared.keyspace}${name}${names++}`;
  const isLost = (request: Request): boolean => {
    const lost = loses && request.some((part) => part.includes(LOST));
    if (lost) loses = false;
    return lost;
  };
  const codesOf = (results: PipelineResults): (string | undefined)[] =>
    results.map(([error]) => (error as ClusterError | null)?.code);

  beforeAll(async () => {
    direct = new ClusterClient({ nodes: shared.nodes });
    await direct.connect();
    relays = await Relays.start(direct.topology.nodes);
    for (const relay of relays.all) relay.losesReplyTo = isLost;
    client = new ClusterClient(relays.options);
    await client.connect();
  });

  afterAll(async () => {
    await direct?.close();
    await client?.close();
    await relays?.stop();
  });

  it('keeps the order of a slot among replies of different forms, and commands without keys', async () => {
    const [hash, text] = [key('{forms}'), key('{forms}')];
    const pipeline = client.pipeline();
    for (let i = 0; i < 50; i++)
      pipeline.hset(hash, 'n', i).hgetall(hash).set(text, i).getBuffer(text).echo(String(i)).get(text);
    const results = await pipeline.exec();
    expect(results).toEqual(
      Array.from({ length: 50 }, (_, i) => [
        [null, i === 0 ? 1 : 0],
        [null, { n: String(i) }],
        [null, 'OK'],
        [null, Buffer.from(String(i))],
        [null, String(i)],
        [null, String(i)],
      ]).flat(),
    );
  });

  it('gives an error the place of its own command', async () => {
    const keys = Array.from({ length: 60 }, () => key('place:'));
    await Promise.all(keys.map((name, i) => (i % 3 === 0 ? direct.set(name, 'v') : direct.rpush(name, 'v'))));
    const pipeline = client.pipeline();
    for (const name of keys) pipeline.get(name);
    const results = await pipeline.exec();
    for (const [i, [error, reply]] of results.entries()) {
      if (i % 3 === 0) expect([error, reply]).toEqual([null, 'v']);
      else {
        const node = client.topology.nodeForKey(keys[i])?.name;
        expect(error).toBeInstanceOf(ReplyError);
        expect(error).toMatchObject({ code: 'WRONGTYPE', command: 'GET', node, attempts: 1 });
      }
    }
  });

  it('after a lost connection, sends again what may run twice, and reports an unknown outcome for the rest', async () => {
    const tag = `{${key()}}`;
    const counter = `${tag}counter`;
    const pipeline = client.pipeline();
    for (let i = 0; i < 20; i++) pipeline.set(`${tag}${i}`, i).incr(counter).get(`${tag}${i}`);
    pipeline.get(`${tag}${LOST}`);
    loses = true;
    const results = await pipeline.exec();
    const codes = codesOf(results);
    for (let i = 0; i < 20; i++) {
      expect(results[3 * i]).toEqual([null, 'OK']);
      expect(codes[3 * i + 1]).toBe('OUTCOME_UNKNOWN');
      expect(results[3 * i + 2]).toEqual([null, String(i)]);
    }
    expect(results[60]).toEqual([null, null]);
    expect(await direct.get(counter)).toBe('20');
  });

  it('counts each command', async () => {
    const before = client.stats().total.commands;
    const pipeline = client.pipeline();
    for (let i = 0; i < 1_500; i++) pipeline.get(key());
    const results = pipeline.exec();
    expect(client.stats().total.pending.commands).toBe(1_500);
    expect(await results).toHaveLength(1_500);
    expect(client.stats().total.commands - before).toBe(1_500);
    expect(client.stats().total.pending).toEqual({ commands: 0, inFlight: 0, waitingForRoom: 0, bytes: 0 });
  });
});
