import { checkSlot, keySlot, NO_SLOT } from '../topology/key-slot.js';
import type { RequestPolicy } from '../command-table/command-policies.js';
import { groupBy } from '../common/group-by.js';
import { InvalidArgumentError, TopologyError } from '../common/errors.js';
import { mergeReplies } from '../command-table/merge-replies.js';
import { PartialFailureError } from '../retry/partial-failure-error.js';
import { sizeOf, type ResolvedCall } from '../command/resolved-call.js';
import type { ClusterNode, ClusterTopology } from '../topology/topology.js';

/** The request policies that make several requests of a call, or choose its node by other means than its keys. */
export type FanOutPolicy = Exclude<RequestPolicy, 'slot' | 'defaultNode'>;

/** Sends one request of a call: by its slot, or to a node. */
export type RunPart = (part: ResolvedCall, node?: ClusterNode) => Promise<unknown>;

type FanOut = (call: ResolvedCall, topology: ClusterTopology, run: RunPart) => Promise<unknown>;

/** How each policy turns a call into requests, and merges their replies. */
export const fanOuts: Readonly<Record<FanOutPolicy, FanOut>> = {
  // sent by a slot of each shard, so that the request follows a failover in between
  allShards: (call, topology, run) =>
    gather(
      call,
      topology.shards
        .filter((shard) => shard.slots.length > 0)
        .map((shard) => [shard.primary.name, run({ ...call, slot: shard.slots[0][0] })]),
    ),
  allNodes: (call, topology, run) =>
    gather(
      call,
      topology.nodes.map((node) => [node.name, run(call, node)]),
    ),
  split: (call, _, run) =>
    gather(
      call,
      [...groupBy(call.args, keySlot)].map(([slot, args]) => [
        `slot ${slot}`,
        run({ ...call, args, slot, size: sizeOf(args) }),
      ]),
    ),
  slotNumber: (call, _, run) => run({ ...call, slot: checkSlot(Number(call.args[1])) }),
  scan: (call, topology, run) => {
    if (topology.shards.length === 1) return run({ ...call, slot: NO_SLOT });
    throw new InvalidArgumentError(
      'command',
      'SCAN walks a single node. Walk the whole cluster with scanIterator().',
    );
  },
};

async function gather(
  call: ResolvedCall,
  parts: readonly [name: string, reply: Promise<unknown>][],
): Promise<unknown> {
  if (parts.length === 0) throw new TopologyError('SLOTS_NOT_COVERED', `No node to send ${call.row.name} to`);
  const replies = new Map<string, unknown>();
  const errors = new Map<string, Error>();
  await Promise.all(
    parts.map(([name, reply]) =>
      reply.then(
        (value) => replies.set(name, value),
        (error: Error) => errors.set(name, error),
      ),
    ),
  );
  if (errors.size > 0 && (call.row.response !== 'oneSucceeded' || replies.size === 0)) {
    // one part alone has nothing partial about it
    throw parts.length === 1
      ? [...errors.values()][0]
      : new PartialFailureError(call.row.name.toUpperCase(), replies, errors);
  }
  return mergeReplies(call.row.response, replies);
}
