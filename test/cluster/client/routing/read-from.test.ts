import { ClusterClient, InvalidArgumentError, Script, type ClusterNode, type ReadFrom } from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';
import { Relays } from '../../../fake-node.js';

describe('a healthy cluster, with reads from replicas', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  let relays: Relays;
  let key: string;
  let primary: ClusterNode;

  beforeAll(async () => {
    const scout = new ClusterClient({ nodes: shared.nodes });
    await scout.connect();
    relays = await Relays.start(scout.topology.nodes);
    await scout.close();
    client = new ClusterClient(relays.options);
    await client.connect();
    key = `${shared.keyspace}k`;
    primary = client.topology.nodeForKey(key) as ClusterNode;
    await client.set(key, 'v');
    // replication is asynchronous
    await eventually(async () => (await client.with({ readFrom: 'replica' }).get(key)) === 'v');
  });

  afterAll(async () => {
    await client?.close();
    await relays?.stop();
  });

  beforeEach(() => relays.forget());

  /** How many requests of that name the key's primary had, and how many all replicas. */
  const counted = (name: string): { primary: number; replicas: number } => {
    const atPrimary = relays.at(primary).seen(name).length;
    return { primary: atPrimary, replicas: relays.seen(name).length - atPrimary };
  };

  const read = async (readFrom: ReadFrom, times = 8): Promise<void> => {
    const view = client.with({ readFrom });
    for (let i = 0; i < times; i++) expect(await view.get(key)).toBe('v');
  };

  it.each<[ReadFrom, { primary: number; replicas: number }]>([
    ['primary', { primary: 8, replicas: 0 }],
    ['primaryPreferred', { primary: 8, replicas: 0 }],
    ['replica', { primary: 0, replicas: 8 }],
    ['replicaPreferred', { primary: 0, replicas: 8 }],
    ['roundRobin', { primary: 4, replicas: 4 }],
    ['roundRobinReplicas', { primary: 0, replicas: 8 }],
    ['randomReplica', { primary: 0, replicas: 8 }],
  ])('%s', async (readFrom, expected) => {
    await read(readFrom);
    expect(counted('get')).toEqual(expected);
  });

  it('lowestLatency: reads from some node, once', async () => {
    await read('lowestLatency');
    const { primary: first, replicas } = counted('get');
    expect(first + replicas).toBe(8);
  });

  it('a function: reads from the node that it returns', async () => {
    const asked: [readonly string[], string][] = [];
    await read((candidates, command) => {
      asked.push([candidates.map(({ role }) => role), command]);
      return candidates.at(-1) as ClusterNode;
    }, 2);
    expect(asked).toEqual([
      [['primary', 'replica'], 'get'],
      [['primary', 'replica'], 'get'],
    ]);
    expect(counted('get')).toEqual({ primary: 0, replicas: 2 });
  });

  it('a function that throws or returns garbage: the call fails with its error or a typed one, and nothing breaks', async () => {
    const nonsense = (() => undefined) as unknown as ReadFrom;
    await expect(client.with({ readFrom: nonsense }).get(key)).rejects.toBeInstanceOf(InvalidArgumentError);
    const broken = (): never => {
      throw new Error('from the function');
    };
    await expect(client.with({ readFrom: broken }).get(key)).rejects.toThrow('from the function');
    const results = await client.with({ readFrom: broken }).pipeline().get(key).set(key, 'v').exec();
    expect(results).toEqual([
      [expect.objectContaining({ message: 'from the function' }), undefined],
      [null, 'OK'],
    ]);
    expect(await client.get(key)).toBe('v');
  });

  it('keeps writes, and scripts that can write, on the primary', async () => {
    const view = client.with({ readFrom: 'replica' });
    const other = `${key}{${key}}`;
    await view.set(other, 1);
    await view.incr(other);
    await view.eval(`return redis.call('GET', KEYS[1])`, 1, key);
    await view.multi().get(key).exec();
    for (const name of ['set', 'incr', 'eval', 'exec'])
      expect(counted(name)).toEqual({ primary: 1, replicas: 0 });
  });

  it('applies to reads of several keys, in pipelines and in scripts too', async () => {
    const view = client.with({ readFrom: 'replica' });
    expect(await view.pipeline().get(key).strlen(key).getBuffer(key).exec()).toEqual([
      [null, 'v'],
      [null, 1],
      [null, Buffer.from('v')],
    ]);
    expect(await view.exists(key, `${shared.keyspace}other`)).toBe(1);
    expect(await view.runScript(new Script(`return redis.call('GET', KEYS[1])`, true), [key], [])).toBe('v');
    expect(counted('get')).toEqual({ primary: 0, replicas: 2 });
    expect(counted('evalsha_ro').replicas).toBe(1);
    expect(relays.at(primary).seen('get', 'strlen', 'exists', 'evalsha_ro', 'eval_ro')).toEqual([]);
  });

  it('can be an option of the whole client', async () => {
    const reader = new ClusterClient({ ...relays.options, readFrom: 'replica' });
    expect(await reader.get(key)).toBe('v');
    expect(await reader.with({ readFrom: 'primary' }).get(key)).toBe('v');
    expect(counted('get')).toEqual({ primary: 1, replicas: 1 });
    await reader.close();
  });

  it('rejects unknown modes', () => {
    expect(() => client.with({ readFrom: 'nearest' as ReadFrom })).toThrow(InvalidArgumentError);
    expect(() => client.with({ speed: 1 } as object)).toThrow(/speed/);
    expect(() => client.with({ deadlineMs: 0 })).toThrow(InvalidArgumentError);
    expect(() => client.with({ retry: 'often' as 'safe' })).toThrow(InvalidArgumentError);
  });
});
