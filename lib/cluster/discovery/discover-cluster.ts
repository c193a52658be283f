import {
  AuthenticationError,
  ClientClosedError,
  InvalidArgumentError,
  TopologyError,
} from '../common/errors.js';
import { SLOT_COUNT } from '../topology/key-slot.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { Router } from '../routing/router.js';
import { DEFAULT_NODE } from '../options/seeds.js';
import { withinLoopTime } from '../common/within.js';
import { delay, monotonicMs } from '../common/timers.js';
import { prevailingView, readAllViews, readViews, type Views } from './topology-reader.js';
import { nodeName, type ClusterTopology } from '../topology/topology.js';

const RETRY_MS = 100;
/** How long seeds that the other nodes do not know may take to report their cluster, in ms. */
const UNKNOWN_SEED_MS = 500;

/**
 * Finds the cluster: reads the topology from the configured nodes, adopts it, and opens a connection to every
 * primary. Waits up to `startupTimeoutMs` for problems that may resolve themselves, such as a node that is
 * starting, or slots that are being assigned.
 * @throws TopologyError or AuthenticationError, naming nodes and causes
 */
export async function startUp(
  router: Router,
  options: ResolvedClusterOptions,
  adopt: (topology: ClusterTopology) => void,
  isClosed: () => boolean,
): Promise<void> {
  const giveUpAt = monotonicMs() + options.startupTimeoutMs;
  let lastError: Error | undefined;
  // connecting cannot be interrupted, so a race keeps the limit; `isClosed` or the loop's own clock ends the loop
  const found = (async () => {
    for (;;) {
      lastError = await tryOnce(router, options, adopt);
      if (isClosed()) throw new ClientClosedError();
      if (lastError === undefined) return;
      if (isFinal(lastError) || monotonicMs() >= giveUpAt) throw lastError;
      await delay(RETRY_MS);
    }
  })();
  found.catch(() => {});
  return withinLoopTime(options.startupTimeoutMs, found, () => {
    throw lastError ?? unreachable(options, new Map());
  });
}

/** Makes one attempt; returns the error if it failed. */
async function tryOnce(
  router: Router,
  options: ResolvedClusterOptions,
  adopt: (topology: ClusterTopology) => void,
): Promise<Error | undefined> {
  const seeds = options.nodes.map((address) => router.pool.channelTo(address));
  const first = await readViews(seeds, options);
  const candidate = prevailingView(first.topologies);
  if (candidate === undefined) return worst(first) ?? unreachable(options, first.causes);
  if (candidate.coveredSlots === 0) return uncovered(candidate, options);
  // if the seeds belong to two clusters, refuse to guess which one is meant
  const unknown = seeds.filter(({ name }) => candidate.node(name) === undefined);
  const others = await readAllViews(unknown, options, UNKNOWN_SEED_MS);
  const informed = [...first.topologies, ...others.topologies].filter((view) => view.coveredSlots > 0);
  if (informed.some((view) => !view.sharesNodes(candidate))) return disagreement(informed);
  const primaries = candidate.primaries.map((primary) => router.pool.channelTo(primary));
  const causes = new Map<string, Error>();
  await Promise.all(
    primaries.map((channel) => channel.open().catch((error: Error) => void causes.set(channel.name, error))),
  );
  const refused = [...causes.values()].find((error) => error instanceof AuthenticationError);
  if (refused !== undefined) return refused;
  const second = await readViews(primaries, options);
  // a node without slots, such as one that has just been reset, does not contradict the others
  const views = second.topologies.filter((view) => view.coveredSlots > 0);
  const topology = prevailingView(views);
  if (topology === undefined) return notAsAnnounced(candidate, new Map([...second.causes, ...causes]));
  const agreeing = views.filter((view) => view.sameView(topology)).length;
  if (agreeing * 2 <= views.length) return disagreement(views);
  if (topology.coveredSlots < SLOT_COUNT && options.requireFullCoverage) return uncovered(topology, options);
  const missing = causes.size > 0 && options.requireFullCoverage;
  if (missing) return unreachable(options, causes);
  adopt(topology);
  return undefined;
}

function seedsAsText({ nodes }: ResolvedClusterOptions): string {
  if (nodes.includes(DEFAULT_NODE))
    return `${nodeName(DEFAULT_NODE)}, the default if neither the option nodes nor REDIS_CLUSTER_NODES is set`;
  return nodes.map(nodeName).join(', ');
}

function isFinal(error: Error): boolean {
  return (
    error instanceof AuthenticationError ||
    error instanceof InvalidArgumentError ||
    (error instanceof TopologyError && error.code === 'NOT_A_CLUSTER')
  );
}

/** Returns the cause that waiting cannot fix, if there is one. */
function worst(views: Views): Error | undefined {
  return [...views.causes.values()].find(isFinal);
}

function unreachable(options: ResolvedClusterOptions, causes: ReadonlyMap<string, Error>): TopologyError {
  const details = [...causes].map(([node, cause]) => `${node}: ${cause.message}`).join('; ');
  return new TopologyError(
    'NO_NODE_REACHABLE',
    `No usable cluster found from ${seedsAsText(options)} (${details || 'no answer in time'}). ` +
      'Check the addresses, and that every node is up and can be reached from here; ' +
      'the option addressRemap maps addresses that the cluster announces.',
    { cause: causes.values().next().value },
  );
}

/** Returns the error for a cluster whose announced addresses all lead nowhere. */
function notAsAnnounced({ primaries }: ClusterTopology, causes: ReadonlyMap<string, Error>): TopologyError {
  const details = primaries.map(({ name }) => `${name} (${causes.get(name)?.message ?? 'no answer'})`);
  return new TopologyError(
    'ANNOUNCED_UNREACHABLE',
    `The cluster announces addresses that cannot be reached from here: ${details.join(', ')}. ` +
      'Have its nodes announce others (cluster-announce-ip, cluster-announce-hostname, cluster-announce-port), ' +
      'or map them to reachable addresses with the option addressRemap.',
    { cause: causes.values().next().value },
  );
}

function uncovered(topology: ClusterTopology, options: ResolvedClusterOptions): TopologyError {
  const primaries = topology.primaries.map((primary) => primary.name).join(', ');
  const remedy =
    topology.coveredSlots === 0
      ? 'Create a cluster from the nodes (redis-cli --cluster create).'
      : 'Assign the rest (redis-cli --cluster fix), or set requireFullCoverage: false to start without them.';
  return new TopologyError(
    'SLOTS_NOT_COVERED',
    `Only ${topology.coveredSlots} of ${SLOT_COUNT} slots have a primary (${primaries || 'none'}), ` +
      `according to ${seedsAsText(options)}. ${remedy}`,
  );
}

function disagreement(views: readonly ClusterTopology[]): TopologyError {
  const seen = new Set(
    views.map((view) =>
      view.primaries
        .map((primary) => primary.name)
        .toSorted()
        .join('+'),
    ),
  );
  return new TopologyError(
    'VIEWS_DISAGREE',
    `The nodes disagree about who owns which slot (${[...seen].join(' / ')}). ` +
      'They may belong to two clusters, or the cluster is split or being changed.',
  );
}
