import type { Reply } from 'keyslot';
import { KnownReplies } from '../../lib/cluster/discovery/known-replies.js';
import { topologyFromSlots } from '../../lib/cluster/topology/slots-reply.js';

const ASKED = { host: '10.0.0.1', port: 7000 };

const reply = (): Reply[][] => [
  [0, 8191, ['10.0.0.1', 7000, 'a', []], ['10.0.0.3', 7002, 'c', []]],
  [8192, 16383, ['10.0.0.2', 7001, 'b', []], ['10.0.0.4', 7003, 'd', []], ['10.0.0.5', 7004, 'e', []]],
];

/** Every reply that differs from this one in one value. */
function* variants(value: Reply): Iterable<Reply> {
  if (!Array.isArray(value)) {
    if (typeof value === 'number') yield* [value + 1, value - 1, value + 256];
    else yield* [`${String(value)}x`, '', null];
    return;
  }
  for (let i = 0; i < value.length; i++) {
    for (const item of variants(value[i])) yield value.with(i, item);
    yield value.toSpliced(i, 1);
  }
}

describe('a reply of CLUSTER SLOTS', () => {
  const present = topologyFromSlots(reply(), ASKED);

  it('is the present topology if it describes the same view, the first time and again', () => {
    const replies = new KnownReplies(undefined);
    for (let time = 0; time < 3; time++) expect(replies.view(reply(), ASKED, present)).toBe(present);
  });

  it('is never taken for another one', () => {
    const replies = new KnownReplies(undefined);
    replies.view(reply(), ASKED, present);
    let others = 0;
    for (const other of variants(reply())) {
      const expected = topologyFromSlots(other, ASKED);
      const view = replies.view(other, ASKED, present);
      expect(view.sameView(expected)).toBe(true);
      others += Number(!expected.sameView(present));
    }
    expect(others).toBeGreaterThan(30);
  });

  it('stands for other nodes if its node leaves out its host and another node answers', () => {
    const replies = new KnownReplies(undefined);
    const nameless = [[0, 16383, [null, 7000, 'a', []]]];
    const known = topologyFromSlots(nameless, ASKED);
    expect(replies.view(nameless, ASKED, known)).toBe(known);
    const elsewhere = replies.view(nameless, { host: '10.0.0.9', port: 7000 }, known);
    expect(elsewhere.primaries[0].name).toBe('10.0.0.9:7000');
  });

  it('is read again once another topology is present', () => {
    const replies = new KnownReplies(undefined);
    replies.view(reply(), ASKED, present);
    const moved = present.withSlotsMoved([[0, '10.0.0.2:7001']]);
    const view = replies.view(reply(), ASKED, moved);
    expect(view).not.toBe(moved);
    expect(view.sameView(present)).toBe(true);
  });

  it('is the same view from each node, and is present once that view is', () => {
    const replies = new KnownReplies(undefined);
    const before = present.withSlotsMoved([[0, '10.0.0.2:7001']]);
    const view = replies.view(reply(), ASKED, before);
    expect(replies.view(reply(), { host: '10.0.0.2', port: 7001 }, before)).toBe(view);
    const adopted = view.restamped(before.version + 1, undefined);
    expect(replies.view(reply(), ASKED, adopted)).toBe(adopted);
  });

  it('is mapped again each time if the application maps addresses', () => {
    let host = 'first';
    const remap = ({ port }: { port: number }) => ({ host, port });
    const replies = new KnownReplies(remap);
    const known = topologyFromSlots(reply(), ASKED, remap);
    expect(replies.view(reply(), ASKED, known).sameView(known)).toBe(true);
    host = 'second';
    expect(replies.view(reply(), ASKED, known).primaries[0].host).toBe('second');
  });
});
