import { random } from '../runtime/randomness.js';
import { withinLoopTime } from '../common/within.js';
import { AuthenticationError, ReplyError, TopologyError } from '../common/errors.js';
import type { NodeChannel } from '../connection/node-channel.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { describeSeed } from '../options/seeds.js';
import { slotlessPrimariesFromShards } from '../topology/shards-reply.js';
import { topologyFromSlots } from '../topology/slots-reply.js';
import { clearTimeout, setTimeout } from '../common/timers.js';
import type { Reply } from '../protocol/reply.js';
import type { ClusterTopology, NodeAddress, NodeIdentity } from '../topology/topology.js';

/** How many views are compared. */
const VOTERS = 3;
/** How long the first view waits for the others, in ms: a silent node must not delay the rest. */
const GRACE_MS = 100;

/** The views that nodes returned of the topology. */
export interface Views {
  readonly topologies: readonly ClusterTopology[];
  /** Why a node returned no view, by its name. */
  readonly causes: ReadonlyMap<string, Error>;
}

/** Returns the view that a reply of CLUSTER SLOTS describes. */
export type ViewOf = (reply: Reply, answeredBy: NodeAddress) => ClusterTopology;

/**
 * Reads the topology from nodes, over their channels: first a few whose channels are open; if their views are
 * of no use, the others, a few at a time.
 * @param withSlotless also reads primaries that own no slots
 * @param viewOf may recognize replies; see `KnownReplies`
 */
export async function readViews(
  channels: Iterable<NodeChannel>,
  options: ResolvedClusterOptions,
  withSlotless = false,
  viewOf: ViewOf = (reply, answeredBy) => topologyFromSlots(reply, answeredBy, options.addressRemap),
): Promise<Views> {
  const candidates = shuffled([...channels]);
  const open = candidates.filter(
    ({ state, suspected, unconfirmed }) => state === 'ready' && !suspected && !unconfirmed,
  );
  const asked = open.slice(0, VOTERS);
  const others = candidates.filter((channel) => !asked.includes(channel));
  const causes = new Map<string, Error>();
  const read = (channel: NodeChannel): Promise<ClusterTopology> =>
    readView(channel, options, withSlotless, viewOf);
  const topologies = await readSome(asked, options, read, causes);
  // a node that is not, or is no longer, part of the cluster knows no slots
  while (others.length > 0 && !topologies.some((view) => view.coveredSlots > 0)) {
    topologies.push(...(await readSome(others.splice(0, VOTERS), options, read, causes)));
  }
  return { topologies, causes };
}

/** Reads the views of all these nodes. Ignores nodes that take longer than `patienceMs`. */
export async function readAllViews(
  channels: readonly NodeChannel[],
  options: ResolvedClusterOptions,
  patienceMs: number,
): Promise<Views> {
  const causes = new Map<string, Error>();
  const viewOf: ViewOf = (reply, answeredBy) => topologyFromSlots(reply, answeredBy, options.addressRemap);
  const read = (channel: NodeChannel): Promise<ClusterTopology> => readView(channel, options, false, viewOf);
  const topologies = await readSome(channels, options, read, causes, patienceMs);
  return { topologies, causes };
}

/**
 * Resolves with the views once all nodes have replied or failed, or a moment after the first view, or, if
 * given, after `patienceMs`.
 */
function readSome(
  channels: readonly NodeChannel[],
  options: ResolvedClusterOptions,
  read: (channel: NodeChannel) => Promise<ClusterTopology>,
  causes: Map<string, Error>,
  patienceMs?: number,
): Promise<ClusterTopology[]> {
  const views: ClusterTopology[] = [];
  let missing = channels.length;
  let grace: NodeJS.Timeout | undefined;
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(grace);
      resolve([...views]);
    };
    if (missing === 0) finish();
    else if (patienceMs !== undefined) grace = setTimeout(finish, patienceMs);
    for (const channel of channels) {
      const answered = (view?: ClusterTopology): void => {
        if (view !== undefined && views.push(view) === 1) grace ??= setTimeout(finish, GRACE_MS);
        if (--missing === 0) finish();
      };
      read(channel).then(answered, (error: Error) => {
        causes.set(channel.name, asCause(channel, options, error));
        answered();
      });
    }
  });
}

/**
 * Returns the view that most nodes share, among those with slots. Of equals, returns the one that covers more
 * slots, or has more nodes. Undefined if there is none.
 */
export function prevailingView(topologies: readonly ClusterTopology[]): ClusterTopology | undefined {
  const votes = new Map<string, number>();
  for (const topology of topologies) votes.set(topology.fingerprint(), votesFor(votes, topology) + 1);
  return topologies.toSorted(
    (a, b) =>
      Number(b.coveredSlots > 0) - Number(a.coveredSlots > 0) ||
      votesFor(votes, b) - votesFor(votes, a) ||
      b.coveredSlots - a.coveredSlots ||
      // in the middle of a failover, a view with the former primary is more complete
      b.nodes.length - a.nodes.length,
  )[0];
}

function votesFor(votes: ReadonlyMap<string, number>, topology: ClusterTopology): number {
  return votes.get(topology.fingerprint()) ?? 0;
}

async function readView(
  channel: NodeChannel,
  options: ResolvedClusterOptions,
  withSlotless: boolean,
  viewOf: ViewOf,
): Promise<ClusterTopology> {
  await channel.open();
  const reply = await answerWithin(channel, options.connectTimeoutMs, 'SLOTS');
  const topology = viewOf(reply, channel.address);
  return withSlotless
    ? topology.withSlotlessPrimaries(await readSlotlessPrimaries(channel, options))
    : topology;
}

/** Returns the primaries without slots; none if the server does not know CLUSTER SHARDS or does not permit it. */
async function readSlotlessPrimaries(
  channel: NodeChannel,
  { connectTimeoutMs, tls, addressRemap }: ResolvedClusterOptions,
): Promise<NodeIdentity[]> {
  try {
    const reply = await answerWithin(channel, connectTimeoutMs, 'SHARDS');
    return slotlessPrimariesFromShards(reply, channel.address, tls !== undefined, addressRemap);
  } catch (error) {
    if (error instanceof ReplyError) return [];
    throw error;
  }
}

function answerWithin(
  channel: NodeChannel,
  timeoutMs: number,
  question: 'SLOTS' | 'SHARDS',
): ReturnType<NodeChannel['control']> {
  return withinLoopTime(timeoutMs, channel.control('CLUSTER', question), () => {
    throw new TopologyError('NO_NODE_REACHABLE', `${channel.name} is silent`);
  });
}

function asCause({ name }: NodeChannel, { nodes }: ResolvedClusterOptions, error: Error): Error {
  if (error instanceof ReplyError && /cluster support disabled|unknown (sub)?command/i.test(error.message)) {
    return new TopologyError(
      'NOT_A_CLUSTER',
      `${describeSeed(name, nodes)} is not a cluster node. Start it with cluster-enabled yes, or connect with a plain client`,
      { cause: error },
    );
  }
  if (error instanceof ReplyError && error.code === 'NOPERM') {
    return new AuthenticationError(
      `${name} does not let this user run CLUSTER SLOTS; grant it +cluster|slots`,
      {
        cause: error,
      },
    );
  }
  return error;
}

function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}
