import { keySlot } from 'keyslot';
import { BatchedCommand } from '../../lib/cluster/batch/batched-command.js';
import { PLAIN_SHAPES } from '../../lib/cluster/command/call-policy.js';
import type { Command } from '../../lib/cluster/command/command.js';
import { resolveCall } from '../../lib/cluster/command/resolved-call.js';
import { CommandTable, type CommandRow } from '../../lib/cluster/command-table/command-table.js';
import { FlushScheduler } from '../../lib/cluster/connection/flush-scheduler.js';
import type { NodeChannel } from '../../lib/cluster/connection/node-channel.js';
import { RetryQueue } from '../../lib/cluster/waiting/retry-queue.js';
import { NodeCounters } from '../../lib/cluster/stats/node-counters.js';
import { eventually } from '../cluster-fixture.js';

const SLOT = keySlot('key');

describe('the commands of a slot that wait to be sent again', () => {
  let dispatched: Command[];
  let queue: RetryQueue;

  const append = (order: number): Command => {
    const row = new CommandTable().lookup('append', []) as CommandRow;
    const call = resolveCall(row, 'append', ['key', String(order)], '');
    const policy = { readFrom: 'primary', deadlineMs: 60_000, retry: 'safe' } as const;
    const command = new BatchedCommand(call, PLAIN_SHAPES.strings, policy);
    command.order = order;
    return command;
  };
  /** A node that owes no replies. */
  const refusedBy = { afterInFlight: (reached: () => void) => reached() } as NodeChannel;
  const orders = (): number[] => dispatched.map(({ order }) => order);

  beforeEach(() => {
    dispatched = [];
    queue = new RetryQueue(
      { commands: 100, bytes: 10_000 },
      (command) => dispatched.push(command),
      new FlushScheduler(),
      new NodeCounters(),
    );
  });

  it('are sent in the order of the calls, whatever order they came back in', () => {
    queue.blockSlots([SLOT]);
    for (const order of [2, 4, 1, 3]) queue.enqueueBehind(append(order));
    queue.unblockSlots([SLOT]);
    expect(orders()).toEqual([1, 2, 3, 4]);
  });

  it('wait until the node that refused one of them has answered what it was sent', async () => {
    const answered: (() => void)[] = [];
    const busy = {
      afterInFlight: (reached: () => void) => void answered.push(reached),
    } as unknown as NodeChannel;
    queue.retryLater(append(1), true, busy);
    await eventually(() => expect(answered).toHaveLength(1));
    queue.retryLater(append(2), true, busy);
    expect(queue.mustFollow(append(3))).toBe(true);
    expect(orders()).toEqual([]);
    answered[0]();
    expect(orders()).toEqual([1]);
  });

  it('wait for the reply to the first of them, if a node refused one', async () => {
    for (const order of [3, 1, 2]) queue.retryLater(append(order), true, refusedBy);
    await eventually(() => expect(orders()).toEqual([1]));
    const [first] = dispatched;
    expect(queue.mustFollow(first)).toBe(false);
    expect(queue.mustFollow(append(4))).toBe(true);
    queue.retryLater(first, true, refusedBy);
    await eventually(() => expect(orders()).toEqual([1, 1]));
    first.succeed('OK');
    expect(orders()).toEqual([1, 1, 2, 3]);
    expect(queue.isClear).toBe(true);
  });

  it.each<[string, (first: Command) => void]>([
    ['fails', (first) => first.fail(new Error('wrong type'))],
    ['is past its deadline', (first) => first.expire()],
    ['is refused for its keys alone', (first) => queue.retryLater(first, false)],
  ])('follow the first of them, if that one %s', async (_, end) => {
    for (const order of [1, 2]) queue.retryLater(append(order), true, refusedBy);
    await eventually(() => expect(orders()).toEqual([1]));
    end(dispatched[0]);
    expect(orders()).toEqual([1, 2]);
    expect(queue.mustFollow(append(3))).toBe(false);
    queue.clear();
  });

  it('are sent although the first of them failed while it waited, as one does that its signal ends', async () => {
    const waiting = [1, 2, 3].map(append);
    for (const command of waiting) queue.retryLater(command, true, refusedBy);
    waiting[0].fail(new Error('aborted'));
    await eventually(() => expect(orders()).toEqual([2]));
    dispatched[0].succeed('OK');
    expect(orders()).toEqual([2, 3]);
    expect([queue.isClear, queue.size]).toEqual([true, 0]);
  });

  it('are forgotten once they have failed', () => {
    const [failed] = [1, 2].map((order) => {
      const command = append(order);
      queue.retryLater(command, true, refusedBy);
      return command;
    });
    failed.fail(new Error('aborted'));
    queue.expire(0);
    expect(queue.size).toBe(1);
    queue.clear();
  });

  it('wait for a former node of the slot, also the first of them', async () => {
    for (const order of [1, 2]) queue.retryLater(append(order), true, refusedBy);
    await eventually(() => expect(orders()).toEqual([1]));
    const [first] = dispatched;
    queue.blockSlots([SLOT]);
    expect(queue.mustFollow(first)).toBe(true);
    queue.enqueueBehind(first);
    expect(orders()).toEqual([1]);
    queue.unblockSlots([SLOT]);
    expect(orders()).toEqual([1, 1, 2]);
    expect(queue.isClear).toBe(true);
  });
});
