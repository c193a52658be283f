import { ClusterTopology, keySlot, ReplyError } from 'keyslot';
import { CommandGroup } from '../../lib/cluster/batch/command-group.js';
import { QueuedCall, type SentBatch } from '../../lib/cluster/batch/sent-batch.js';
import { PLAIN_SHAPES, type CallPolicy } from '../../lib/cluster/command/call-policy.js';
import type { Command, CommandNode } from '../../lib/cluster/command/command.js';
import { PendingBudget } from '../../lib/cluster/command/pending-budget.js';
import { resolveCall } from '../../lib/cluster/command/resolved-call.js';
import { CommandTable, type CommandRow } from '../../lib/cluster/command-table/command-table.js';
import { FlushScheduler } from '../../lib/cluster/connection/flush-scheduler.js';
import type { NodeChannel } from '../../lib/cluster/connection/node-channel.js';
import { PendingCommands } from '../../lib/cluster/connection/pending-commands.js';
import type { ChannelPool } from '../../lib/cluster/routing/channel-pool.js';
import { RetryQueue } from '../../lib/cluster/waiting/retry-queue.js';
import { SlotHandover } from '../../lib/cluster/routing/slot-handover.js';
import { NodeCounters } from '../../lib/cluster/stats/node-counters.js';

const POLICY: CallPolicy = { readFrom: 'primary', deadlineMs: 1_000, retry: 'safe' };
const BOUNDS = { commands: 100, bytes: 10_000 };

/** A batch that records what its entries get. */
class RecordedBatch implements SentBatch {
  readonly policy = POLICY;
  readonly results = new Map<number, unknown>();
  /** How many entries ended at once, with the bytes of their arguments. */
  readonly ends: [count: number, bytes: number][] = [];
  readonly entries: readonly QueuedCall[];

  constructor(...keys: string[]) {
    const row = new CommandTable().lookup('append', []) as CommandRow;
    this.entries = keys.map(
      (key) => new QueuedCall(resolveCall(row, 'append', [key, 'v'], ''), PLAIN_SHAPES.strings),
    );
  }

  replied(place: number, reply: unknown): void {
    this.results.set(place, reply);
  }

  failed(place: number, error: Error): void {
    this.results.set(place, error);
  }

  ended(...end: [count: number, bytes: number]): void {
    this.ends.push(end);
  }

  limit(): void {}

  /** A group of all entries. */
  get group(): CommandGroup {
    const group = new CommandGroup(this, 0);
    for (let place = 1; place < this.entries.length; place++) group.add(place);
    return group;
  }
}

const keysOf = (commands: readonly Command[]): unknown[] => commands.map(({ args }) => args[0]);
/** A node whose router only notes what was refused, or lost its reply. */
const nodeThatHandsOver = (commands: Command[]): CommandNode => {
  const note = (command: Command): void => void commands.push(command);
  return { name: 'node', router: { refused: note, replyLost: note }, counters: new NodeCounters() };
};
const newBudget = (): PendingBudget => new PendingBudget('node', BOUNDS, new NodeCounters(), () => {});

describe('a group of commands', () => {
  it('counts as its entries until each has a reply', () => {
    const batch = new RecordedBatch('a', 'b', 'c');
    const [group, budget] = [batch.group, newBudget()];
    budget.admit(group);
    expect([budget.commands, budget.bytes]).toEqual([3, 6]);
    for (const reply of [1, 2, 3]) group.receive(reply, {} as CommandNode);
    expect([budget.commands, budget.bytes]).toEqual([0, 0]);
    expect([...batch.results]).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
    expect(batch.ends).toEqual([[3, 6]]);
  });

  it('hands over an entry that is refused, with its share of the limits, and goes on with the others', () => {
    const batch = new RecordedBatch('a', 'b', 'c');
    const [group, budget] = [batch.group, newBudget()];
    budget.admit(group);
    const refused: Command[] = [];
    const node = nodeThatHandsOver(refused);
    group.receive(1, node);
    group.receive(new ReplyError('TRYAGAIN keys are moved'), node);
    group.receive(3, node);
    expect(keysOf(refused)).toEqual(['b']);
    expect([...batch.results.keys()]).toEqual([0, 2]);
    expect([budget.commands, budget.bytes]).toEqual([1, 2]);
    refused[0].succeed(2);
    expect(batch.results.get(1)).toBe(2);
    expect([budget.commands, budget.bytes]).toEqual([0, 0]);
    expect(batch.ends).toEqual([
      [2, 4],
      [1, 2],
    ]);
  });

  it('hands over only what has no reply when its connection ends, and drops replies that come later', () => {
    const batch = new RecordedBatch('a', 'b', 'c');
    const [group, budget] = [batch.group, newBudget()];
    budget.admit(group);
    const lost: Command[] = [];
    const node = nodeThatHandsOver(lost);
    group.receive(1, node);
    group.lost(new Error('gone'), node);
    group.receive('late', node);
    expect(keysOf(lost)).toEqual(['b', 'c']);
    expect(budget.commands).toBe(2);
    for (const command of lost) command.fail(new Error('unknown'));
    expect(budget.commands).toBe(0);
    expect([...batch.results.values()].map(String)).toEqual(['1', 'Error: unknown', 'Error: unknown']);
  });

  it('does not overtake commands that only some of its entries must follow', () => {
    const dispatched: Command[] = [];
    const queue = new RetryQueue(
      BOUNDS,
      (command) => dispatched.push(command),
      new FlushScheduler(),
      new NodeCounters(),
    );
    const group = new RecordedBatch('a', 'b', 'c', 'b').group;
    group.deadlineAt = Infinity;
    group.order = 1;
    queue.blockSlots([keySlot('b')]);
    expect(keysOf(queue.keepFollowers([group]))).toEqual(['a', 'c']);
    queue.unblockSlots([keySlot('b')]);
    expect(keysOf(dispatched)).toEqual(['b', 'b']);
    expect(dispatched.map(({ order }) => order)).toEqual([2, 4]);
  });

  it('gives up the chosen entries while it waits to be sent', () => {
    const pending = new PendingCommands();
    pending.push(new RecordedBatch('a', 'b', 'c').group);
    expect(keysOf(pending.take(({ slot }) => slot === keySlot('b')))).toEqual(['b']);
    expect(keysOf([...pending])).toEqual(['a', 'c']);
  });

  it('keeps later calls behind all of its entries when their slots move', () => {
    const name = '10.0.0.1:7000';
    const own = (host: string): ClusterTopology =>
      ClusterTopology.of([{ primary: { id: host, host, port: 7_000 }, replicas: [], slots: [[0, 16_383]] }]);
    const group = new RecordedBatch('a', 'b').group;
    const channel = {
      name,
      state: 'ready',
      budget: { commands: 2 },
      inFlight: () => [group],
      takePending: () => [],
      afterInFlight: () => {},
    } as unknown as NodeChannel;
    const blocked: number[] = [];
    const queue = {
      blockSlots: (slots: Iterable<number>) => blocked.push(...slots),
    } as unknown as RetryQueue;
    const handover = new SlotHandover({ all: [channel] } as unknown as ChannelPool, queue, () => {});
    handover.follow(own('10.0.0.1'), own('10.0.0.2'));
    expect(blocked).toEqual([keySlot('a'), keySlot('b')]);
  });

  it('takes only entries whose replies have the same form, and not more than it may encode at once', () => {
    const batch = new RecordedBatch(...Array.from({ length: 501 }, (_, i) => `key:${i}`));
    const group = new CommandGroup(batch, 0);
    const added = batch.entries.map((_, place) => place > 0 && group.add(place));
    expect(added.filter((isAdded) => isAdded)).toHaveLength(499);
    const large = new RecordedBatch('a', 'x'.repeat(40_000));
    expect(new CommandGroup(large, 0).add(1)).toBe(false);
    const row = large.entries[0].call;
    const mixed = new RecordedBatch('a');
    const entries = [...mixed.entries, new QueuedCall(row, PLAIN_SHAPES.buffers)];
    expect(new CommandGroup(Object.assign(mixed, { entries }), 0).add(1)).toBe(false);
  });
});
