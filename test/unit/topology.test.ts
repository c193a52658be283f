import { ClusterTopology, InvalidArgumentError, keySlot, SLOT_COUNT, type SlotRange } from 'keyslot';
import { type NodeIdentity } from '../../lib/cluster/topology/topology.js';

const node = (port: number): NodeIdentity => ({ id: `id-${port}`, host: '10.0.0.1', port });
const name = (port: number): string => `10.0.0.1:${port}`;

/** Three shards: 7000 with two replicas, 7001 with one, 7002 with none. */
const shards = (): { primary: NodeIdentity; replicas: NodeIdentity[]; slots: SlotRange[] }[] => [
  { primary: node(7000), replicas: [node(7003), node(7004)], slots: [[0, 5000]] },
  { primary: node(7001), replicas: [node(7005)], slots: [[5001, 10_000]] },
  { primary: node(7002), replicas: [], slots: [[10_001, 16_383]] },
];

const names = (nodes: readonly { name: string }[]): string[] => nodes.map((one) => one.name);

describe('a topology', () => {
  const topology = ClusterTopology.of(shards());

  // T13, T14
  it('returns nodes by role, with names, ids, and the slots of their shard', () => {
    expect(names(topology.primaries)).toEqual([7000, 7001, 7002].map(name));
    expect(names(topology.replicas)).toEqual([7003, 7004, 7005].map(name));
    expect(names(topology.nodes).toSorted()).toEqual([7000, 7001, 7002, 7003, 7004, 7005].map(name));
    expect(topology.node(name(7004))).toEqual({
      id: 'id-7004',
      host: '10.0.0.1',
      port: 7004,
      name: name(7004),
      role: 'replica',
      slots: [[0, 5000]],
    });
    expect(topology.node(name(7001))).toMatchObject({ role: 'primary', slots: [[5001, 10_000]] });
    expect(topology.node('10.0.0.1:1')).toBeUndefined();
    expect(topology.node('__proto__')).toBeUndefined();
    expect(topology.shards.map((shard) => names(shard.replicas))).toEqual([
      [name(7003), name(7004)],
      [name(7005)],
      [],
    ]);
  });

  // T13
  it('finds the node of a slot and of a key, primary or replica', () => {
    expect([0, 5000, 5001, 10_001, 16_383].map((slot) => topology.nodeForSlot(slot)?.port)).toEqual([
      7000, 7000, 7001, 7002, 7002,
    ]);
    expect(topology.nodeForSlot(0, 'replica')?.port).toBe(7003);
    expect(topology.nodeForSlot(16_383, 'replica')).toBeUndefined();
    for (const key of ['foo', Buffer.from('foo'), 'x{foo}y']) {
      expect(topology.nodeForKey(key)).toBe(topology.nodeForSlot(keySlot('foo')));
    }
    expect(topology.nodeForKey(123_456_789)).toBe(topology.nodeForSlot(keySlot('123456789')));
    expect(topology.nodeForKey('bar', 'replica')?.port).toBe(7005);
    expect(topology.shardForSlot(7000)?.primary.port).toBe(7001);
  });

  it.each([-1, SLOT_COUNT, 1.5, Number.NaN, Infinity, '7' as unknown as number])(
    'rejects %p as a slot',
    (slot) => {
      expect(() => topology.nodeForSlot(slot)).toThrow(InvalidArgumentError);
    },
  );

  it('counts the slots that have an owner, and returns none for the others', () => {
    expect(topology.coveredSlots).toBe(SLOT_COUNT);
    const partial = ClusterTopology.of([
      {
        primary: node(7000),
        replicas: [],
        slots: [
          [0, 99],
          [200, 200],
        ],
      },
    ]);
    expect(partial.coveredSlots).toBe(101);
    expect(partial.nodeForSlot(150)).toBeUndefined();
    expect(partial.nodeForSlot(150, 'replica')).toBeUndefined();
    expect(partial.shardForSlot(150)).toBeUndefined();
    expect(partial.shardIndexOfSlot(150)).toBe(-1);
    expect(partial.primaries[0].slots).toEqual([
      [0, 99],
      [200, 200],
    ]);
  });

  it('prefers the later of two claims to a slot', () => {
    const [first, second] = shards();
    const contested = ClusterTopology.of([first, { ...second, slots: [[4000, 10_000]] }]);
    expect([3999, 4000, 5000].map((slot) => contested.nodeForSlot(slot)?.port)).toEqual([7000, 7001, 7001]);
    expect(contested.primaries[0].slots).toEqual([[0, 3999]]);
  });

  it('is empty if there is no input', () => {
    const empty = ClusterTopology.empty();
    expect(empty).toMatchObject({
      version: 0,
      nodes: [],
      primaries: [],
      replicas: [],
      shards: [],
      coveredSlots: 0,
    });
    expect(empty.defaultNode).toBeUndefined();
    expect(empty.nodeForKey('foo')).toBeUndefined();
  });

  // T13
  it('uses the default node that was set while it exists, or else a primary', () => {
    expect(topology.primaries).toContain(topology.defaultNode);
    expect(topology.restamped(2, name(7005)).defaultNode?.port).toBe(7005);
    const gone = topology.restamped(3, '10.0.0.1:1');
    expect(gone.primaries).toContain(gone.defaultNode);
  });
});

describe('a topology with slotless primaries', () => {
  it('contains them as primaries without slots, once each', () => {
    const before = ClusterTopology.of(shards(), 5);
    const after = before.withSlotlessPrimaries([node(7009), node(7000), node(7003)]);
    expect(after.node(name(7009))).toMatchObject({ role: 'primary', slots: [] });
    expect(after.nodes).toHaveLength(7);
    expect(after.coveredSlots).toBe(SLOT_COUNT);
    expect(after.sameView(before)).toBe(false);
    expect(after.withSlotsMoved([[7, name(7009)]]).nodeForSlot(7)?.port).toBe(7009);
    expect(before.withSlotlessPrimaries([]).sameView(before)).toBe(true);
  });

  it('shares node objects with another topology by name or id', () => {
    const one = ClusterTopology.of([shards()[0]]);
    const renamed = { ...shards()[0], primary: { ...node(7000), host: 'other' }, replicas: [] };
    expect(one.sharesNodes(ClusterTopology.of([renamed]))).toBe(true);
    const replaced = { ...renamed, primary: { ...node(7000), id: '' } };
    expect(one.sharesNodes(ClusterTopology.of([replaced]))).toBe(true);
    expect(one.sharesNodes(ClusterTopology.of([shards()[1]]))).toBe(false);
    const nameless = { ...replaced, primary: { ...node(7008), id: '' } };
    expect(ClusterTopology.of([replaced]).sharesNodes(ClusterTopology.of([nameless]))).toBe(false);
  });
});

describe('two topology views', () => {
  it('are equal regardless of the order of nodes and ranges', () => {
    const [a, b, c] = shards();
    const one = ClusterTopology.of([a, b, c]);
    const other = ClusterTopology.of([
      c,
      {
        ...b,
        slots: [
          [7001, 10_000],
          [5001, 7000],
        ],
      },
      { ...a, replicas: a.replicas.toReversed() },
    ]);
    expect(one.sameView(other)).toBe(true);
    expect(one.sameView(one.restamped(9, name(7001)))).toBe(true);
  });

  it.each<[string, (s: ReturnType<typeof shards>) => void]>([
    ['a slot', ([a, b]) => void ((a.slots = [[0, 4999]]), (b.slots = [[5000, 10_000]]))],
    ['a missing slot', ([a]) => void (a.slots = [[0, 4999]])],
    ['a replica', ([a]) => void a.replicas.pop()],
    ['roles', ([a]) => void ([a.primary, a.replicas[0]] = [a.replicas[0], a.primary])],
    ['an id, as of a node that was replaced', ([a]) => void (a.primary = { ...a.primary, id: 'new' })],
    ['an address', ([a]) => void (a.primary = { ...a.primary, host: '10.0.0.2' })],
  ])('differ by %s', (_, change) => {
    const changed = shards();
    change(changed);
    expect(ClusterTopology.of(shards()).sameView(ClusterTopology.of(changed))).toBe(false);
  });
});

// T10
describe('a MOVED', () => {
  it('moves one slot in a new snapshot, and leaves the old one unchanged', () => {
    const before = ClusterTopology.of(shards(), 5);
    const after = before.withSlotsMoved([[100, name(7001)]]);
    expect(after.version).toBe(6);
    expect([99, 100, 101].map((slot) => after.nodeForSlot(slot)?.port)).toEqual([7000, 7001, 7000]);
    expect(after.primaries.map(({ slots }) => slots)).toEqual([
      [
        [0, 99],
        [101, 5000],
      ],
      [
        [100, 100],
        [5001, 10_000],
      ],
      [[10_001, 16_383]],
    ]);
    expect(before.nodeForSlot(100)?.port).toBe(7000);
    expect(before.version).toBe(5);
    expect(before.sameView(after)).toBe(false);
  });

  it('to the current owner changes nothing', () => {
    const topology = ClusterTopology.of(shards());
    expect(topology.withSlotsMoved([[100, name(7000)]])).toBe(topology);
  });

  it('to an unknown node is not followed', () => {
    const topology = ClusterTopology.of(shards());
    expect(topology.withSlotsMoved([[100, '10.0.0.1:1']])).toBe(topology);
  });

  it('gives an owner to a slot that had none', () => {
    const [a, b] = shards();
    const after = ClusterTopology.of([a, b]).withSlotsMoved([[16_000, name(7001)]]);
    expect(after.nodeForSlot(16_000)?.port).toBe(7001);
  });

  it('to a replica makes it a primary', () => {
    const after = ClusterTopology.of(shards()).withSlotsMoved([[100, name(7003)]]);
    expect(after.nodeForSlot(100)).toMatchObject({ port: 7003, role: 'primary' });
    expect(after.node(name(7003))?.role).toBe('primary');
    expect(names(after.nodes).toSorted()).toEqual([7000, 7001, 7002, 7003, 7004, 7005].map(name));
    const again = after.withSlotsMoved([[101, name(7003)]]);
    expect(again.nodeForSlot(101)?.port).toBe(7003);
    expect(names(again.primaries).filter((one) => one === name(7003))).toHaveLength(1);
  });

  it.each([254, 255, 256, 300])(
    'is followed in a cluster of %d shards, also where replicas take over',
    (count) => {
      const many = ClusterTopology.of(
        Array.from({ length: count }, (_, i) => ({
          primary: node(7000 + i),
          replicas: [node(8000 + i)],
          slots: [[i, i]] as SlotRange[],
        })),
      );
      const last = count - 1;
      expect(many.nodeForSlot(last)?.name).toBe(name(7000 + last));
      expect(many.nodeForSlot(count)).toBeUndefined();
      expect(many.coveredSlots).toBe(count);
      const promoted = many.withSlotsMoved(Array.from({ length: 3 }, (_, i) => [i, name(8000 + i)]));
      expect(promoted.withGapsFilled(many, () => true)).toBe(promoted);
      for (const [slot, port] of [
        [0, 8000],
        [2, 8002],
        [3, 7003],
        [last, 7000 + last],
      ])
        expect(promoted.nodeForSlot(slot)?.name).toBe(name(port));
      const gone = ClusterTopology.of([{ primary: node(7000), replicas: [], slots: [[0, 0]] }]);
      const filled = gone.withGapsFilled(many, () => true);
      expect(filled.nodeForSlot(last)?.name).toBe(name(7000 + last));
      expect(filled.coveredSlots).toBe(count);
    },
  );

  it('can be one of many that create one snapshot', () => {
    const after = ClusterTopology.of(shards(), 5).withSlotsMoved([
      [0, name(7003)],
      [1, '10.0.0.1:1'],
      [2, name(7003)],
      [3, name(7004)],
      [16_383, name(7001)],
      [16_383, name(7000)],
    ]);
    expect(after.version).toBe(6);
    expect([0, 1, 2, 3, 4, 16_383].map((slot) => after.nodeForSlot(slot)?.port)).toEqual([
      7003, 7000, 7003, 7004, 7000, 7000,
    ]);
    expect(after.shardForSlot(4)?.replicas).toEqual([]);
    expect(after.nodes).toHaveLength(6);
  });

  it('keeps the default node that was set', () => {
    const after = ClusterTopology.of(shards())
      .restamped(2, name(7005))
      .withSlotsMoved([[100, name(7001)]]);
    expect(after.defaultNode?.port).toBe(7005);
  });
});
