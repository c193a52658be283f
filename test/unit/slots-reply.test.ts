import type { Reply } from 'keyslot';
import { slotlessPrimariesFromShards } from '../../lib/cluster/topology/shards-reply.js';
import { topologyFromSlots } from '../../lib/cluster/topology/slots-reply.js';

const ASKED = { host: '192.0.2.1', port: 6400 };

const names = (nodes: readonly { name: string }[]): string[] => nodes.map((one) => one.name);

describe('a CLUSTER SLOTS reply', () => {
  // T11
  it.each<[string, Reply[]]>([
    ['without ids, as before Redis 4', []],
    ['with ids', ['id']],
    ['with ids and metadata, as from Redis 7 on', ['id', ['ip', '10.0.0.1']]],
    ['with parts that nobody knows yet', ['id', [], { length: 3 } as unknown as Reply, 1n]],
  ])('is read %s', (_, more) => {
    const reply = [
      [0, 8191, ['10.0.0.1', 7000, ...more], ['10.0.0.2', 7001, ...more]],
      [8192, 16_383, ['10.0.0.3', 7002, ...more]],
    ];
    const topology = topologyFromSlots(reply, ASKED);
    expect(names(topology.primaries)).toEqual(['10.0.0.1:7000', '10.0.0.3:7002']);
    expect(names(topology.replicas)).toEqual(['10.0.0.2:7001']);
    expect(topology.coveredSlots).toBe(16_384);
    expect(topology.primaries[0].id).toBe(more[0] ?? '');
  });

  it('combines the ranges of one primary into one shard', () => {
    const topology = topologyFromSlots(
      [
        [0, 99, ['10.0.0.1', 7000, 'a'], ['10.0.0.2', 7001, 'b']],
        [100, 199, ['10.0.0.3', 7002, 'c']],
        [200, 299, ['10.0.0.1', 7000, 'a'], ['10.0.0.2', 7001, 'b']],
      ],
      ASKED,
    );
    expect(topology.shards).toHaveLength(2);
    expect(topology.shards[0]).toMatchObject({
      primary: {
        name: '10.0.0.1:7000',
        slots: [
          [0, 99],
          [200, 299],
        ],
      },
      replicas: [
        {
          name: '10.0.0.2:7001',
          slots: [
            [0, 99],
            [200, 299],
          ],
        },
      ],
    });
  });

  // T8
  it.each([
    ['empty, as of a node that nobody has met', ''],
    ['NULL, as with preferred endpoint type unknown-endpoint', null],
  ])('replaces an endpoint that is %s by the host that was queried', (_, endpoint) => {
    const topology = topologyFromSlots(
      [[0, 16_383, [endpoint, 7000, 'a'], ['10.0.0.2', 7001, 'b'], [endpoint, 7002, 'c']]],
      ASKED,
    );
    expect(names(topology.primaries)).toEqual(['192.0.2.1:7000']);
    expect(names(topology.replicas)).toEqual(['10.0.0.2:7001', '192.0.2.1:7002']);
  });

  // T8
  it('skips nodes whose endpoint is "?"', () => {
    const topology = topologyFromSlots(
      [
        [0, 99, ['?', 7000, 'a', ['ip', '10.0.0.1']], ['10.0.0.2', 7001, 'b']],
        [100, 199, ['node.example', 7002, 'c'], ['?', 7003, 'd']],
      ],
      ASKED,
    );
    expect(names(topology.nodes)).toEqual(['node.example:7002']);
    expect(topology.coveredSlots).toBe(100);
  });

  // T14
  it('keeps hostnames and IPv6 addresses as announced', () => {
    const topology = topologyFromSlots(
      [[0, 99, ['node-1.example', 7000, 'a'], ['2001:db8::1', 7001, 'b']]],
      ASKED,
    );
    expect(topology.nodes.map(({ host }) => host).toSorted()).toEqual(['2001:db8::1', 'node-1.example']);
  });

  // T16
  it('remaps every address, including filled-in ones', () => {
    const seen: unknown[] = [];
    const topology = topologyFromSlots(
      [[0, 99, ['', 7000, 'a'], ['10.0.0.2', 7001, 'b']]],
      ASKED,
      (address) => {
        seen.push(address);
        return { host: 'proxy.example', port: address.port + 1000 };
      },
    );
    expect(seen).toEqual([
      { host: '192.0.2.1', port: 7000 },
      { host: '10.0.0.2', port: 7001 },
    ]);
    expect(names(topology.primaries)).toEqual(['proxy.example:8000']);
    expect(names(topology.replicas)).toEqual(['proxy.example:8001']);
  });

  it.each<[string, Reply]>([
    ['no array', 'OK'],
    ['null', null],
    ['a number', 7],
    ['an entry that is no array', ['x', null, 3]],
    ['an entry without nodes', [[0, 99]]],
    ['a slot below 0', [[-1, 99, ['h', 7000]]]],
    ['a slot above 16383', [[0, 16_384, ['h', 7000]]]],
    ['a slot as text', [['0', '99', ['h', 7000]]]],
    ['a fraction of a slot', [[0.5, 99, ['h', 7000]]]],
    ['a range the wrong way round', [[99, 0, ['h', 7000]]]],
    ['__proto__ for a slot', [['__proto__', '__proto__', ['h', 7000]]]],
    ['a node that is no array', [[0, 99, 'h:7000']]],
    ['a port that is none', [[0, 99, ['h', 0]]]],
    ['a port out of range', [[0, 99, ['h', 65_536]]]],
    ['a port as text', [[0, 99, ['h', '7000']]]],
    ['a host that is a number', [[0, 99, [1, 7000]]]],
  ])('that is or has %s covers nothing, and throws nothing', (_, reply) => {
    expect(topologyFromSlots(reply, ASKED).coveredSlots).toBe(0);
  });

  it('is read as far as it is valid', () => {
    const reply: Reply = [
      [0, 99, ['10.0.0.1', 7000, 'a'], 'nonsense', ['10.0.0.2', 7001, null]],
      ['nonsense'],
      [100, 199, ['10.0.0.3', 7002, 'c']],
    ];
    const topology = topologyFromSlots(reply, ASKED);
    expect(topology.coveredSlots).toBe(200);
    expect(topology.node('10.0.0.2:7001')).toMatchObject({ id: '', role: 'replica' });
  });

  it('never throws, whatever it contains', () => {
    const parts: Reply[] = [
      0,
      1,
      -1,
      16_383,
      16_384,
      1.5,
      '',
      '?',
      'h',
      null,
      true,
      1n,
      Buffer.from('h'),
      '__proto__',
    ];
    const part = (): Reply => parts[Math.floor(Math.random() * parts.length)];
    const any = (depth: number): Reply => {
      if (depth === 0 || Math.random() < 0.3) return part();
      // what looks like an entry, or would if its parts were others
      const node = Math.random() < 0.5 ? ['h', 7_000, part()] : [part(), part(), part()];
      if (Math.random() < 0.2) return [[part(), part(), node, any(depth - 1)]];
      return Array.from({ length: Math.floor(Math.random() * 5) }, () => any(depth - 1));
    };
    let nodes = 0;
    for (let i = 0; i < 5_000; i++) {
      const topology = topologyFromSlots(any(4), ASKED);
      for (const { name } of topology.nodes) expect(name).toMatch(/^.+:\d+$/);
      nodes += topology.nodes.length;
    }
    expect(nodes).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>).h).toBeUndefined();
  });
});

describe('a CLUSTER SHARDS reply', () => {
  const node = (port: number, more: Record<string, Reply> = {}): Reply =>
    Object.entries({
      id: `id-${port}`,
      port,
      ip: '10.0.0.1',
      endpoint: '10.0.0.1',
      role: 'master',
      health: 'online',
      ...more,
    }).flat();
  const shard = (slots: number[], ...nodes: Reply[]): Reply => ['slots', slots, 'nodes', nodes];

  it('includes primaries that own no slots', () => {
    const reply = [
      shard([0, 16_383], node(7000), node(7001, { role: 'replica' })),
      shard([], node(7002)),
      shard([], node(7003, { health: 'failed' })),
      shard([], node(7004, { role: 'replica' })),
      shard([], node(7005, { endpoint: '' })),
      shard([], node(7006, { endpoint: null })),
      shard([], node(7007, { endpoint: '?' })),
      shard([], node(7008, { 'tls-port': 7108 })),
    ];
    expect(slotlessPrimariesFromShards(reply, ASKED, false)).toEqual([
      { host: '10.0.0.1', port: 7002, id: 'id-7002' },
      { host: '192.0.2.1', port: 7005, id: 'id-7005' },
      { host: '192.0.2.1', port: 7006, id: 'id-7006' },
      { host: '10.0.0.1', port: 7008, id: 'id-7008' },
    ]);
    expect(slotlessPrimariesFromShards(reply, ASKED, true)).toEqual([
      { host: '10.0.0.1', port: 7108, id: 'id-7008' },
    ]);
    expect(
      slotlessPrimariesFromShards([shard([], node(7002))], ASKED, false, ({ port }) => ({
        host: 'proxy',
        port,
      })),
    ).toEqual([{ host: 'proxy', port: 7002, id: 'id-7002' }]);
  });

  it.each<[string, Reply]>([
    ['no array', 'OK'],
    ['nothing', []],
    ['names without values', [['slots']]],
    ['slots that are no array', [['slots', 1, 'nodes', [[]]]]],
    ['nodes that are no arrays', [['slots', [], 'nodes', ['x', 1, null]]]],
    ['a node without a port', [shard([], ['id', 'x', 'role', 'master', 'health', 'online'])]],
  ])('that is or has %s contains none', (_, reply) => {
    expect(slotlessPrimariesFromShards(reply, ASKED, false)).toEqual([]);
  });
});
