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
/** How long seeds that the others do not know may take to tell which cluster they are of, in ms. */
const UNKNOWN_SEED_MS = 500;

/**
 * Finds the cluster: asks the configured nodes for the topology, has it adopted, and opens a connection to every
 * primary. What can mend itself (a node that is starting, slots that are being assigned) is waited for, up to
 * `startupTimeoutMs`.
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
  // connecting cannot be interrupted, so the limit is kept by a race; the loop ends by `isClosed` or its own clock
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

/** One attempt; what stood in its way comes back. */
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
  // nodes of two clusters were given, and which one is meant is not ours to guess
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
  // a node without any slot, as one that has just been reset, does not contradict those that know of some
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
    return `${nodeName(DEFAULT_NODE)}, the default where neither the option nodes nor REDIS_CLUSTER_NODES is set`;
  return nodes.map(nodeName).join(', ');
}

function isFinal(error: Error): boolean {
  return (
    error instanceof AuthenticationError ||
    error instanceof InvalidArgumentError ||
    (error instanceof TopologyError && error.code === 'NOT_A_CLUSTER')
  );
}

/** The cause that no waiting will mend, if there is one. */
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

/** Nodes told us of the cluster, and at none of the addresses that they told is it to be found. */
function notAsAnnounced({ primaries }: ClusterTopology, causes: ReadonlyMap<string, Error>): TopologyError {
  const details = primaries.map(({ name }) => `${name} (${causes.get(name)?.message ?? 'no answer'})`);
  return new TopologyError(
    'ANNOUNCED_UNREACHABLE',
    `The cluster announces addresses that cannot be reached from here: ${details.join(', ')}. ` +
      'Have its nodes announce others (cluster-announce-ip, cluster-announce-hostname, cluster-announce-port), ' +
      'or map them to those that can be reached by the option addressRemap.',
    { cause: causes.values().next().value },
  );
}

function uncovered(topology: ClusterTopology, options: ResolvedClusterOptions): TopologyError {
  const primaries = topology.primaries.map((primary) => primary.name).join(', ');
  const remedy =
    topology.coveredSlots === 0
      ? 'Make a cluster of the nodes (redis-cli --cluster create).'
      : 'Assign the rest (redis-cli --cluster fix), or set requireFullCoverage: false to go on without.';
  return new TopologyError(
    'SLOTS_NOT_COVERED',
    `Only ${topology.coveredSlots} of ${SLOT_COUNT} slots have a primary (${primaries || 'none'}), ` +
      `as told from ${seedsAsText(options)}. ${remedy}`,
  );
}

function disagreement(views: readonly ClusterTopology[]): TopologyError {
  const told = new Set(
    views.map((view) =>
      view.primaries
        .map((primary) => primary.name)
        .toSorted()
        .join('+'),
    ),
  );
  return new TopologyError(
    'VIEWS_DISAGREE',
    `The nodes disagree about who owns which slot (${[...told].join(' / ')}); ` +
      'two clusters, one that is split, or one that is being changed',
  );
}
