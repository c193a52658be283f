import {
  AuthenticationError,
  ClientClosedError,
  ConnectionError,
  InvalidArgumentError,
  TopologyError,
  UnsupportedServerFeatureError,
} from '../common/errors.js';
import { SLOT_COUNT } from '../topology/key-slot.js';
import { CredentialsUnavailableError } from '../options/credentials.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { Router } from '../routing/router.js';
import { describeSeed } from '../options/seeds.js';
import { withinLoopTime } from '../common/within.js';
import { delay, monotonicMs } from '../common/timers.js';
import { prevailingView, readAllViews, readViews, type Views } from './topology-reader.js';
import type { NodeChannel } from '../connection/node-channel.js';
import type { Ask } from '../protocol/reply.js';
import { verifyIdentity } from '../topology/node-identity.js';
import { inspectAddresses } from './inspect-addresses.js';
import { nodeName, type ClusterTopology } from '../topology/topology.js';

const RETRY_MS = 100;
/** How long seeds that the other nodes do not know may take to report their cluster, in ms. */
const UNKNOWN_SEED_MS = 500;
/** How long finding out why a start takes too long may take, in ms: the caller has waited for its whole time. */
const DIAGNOSIS_MS = 250;

/**
 * Finds the cluster: reads the topology from the configured nodes, adopts it, and opens a connection to every
 * primary. Waits up to `startupTimeoutMs` for problems that may resolve themselves, such as a node that is
 * starting, or slots that are being assigned.
 * @throws TopologyError, AuthenticationError or UnsupportedServerFeatureError, naming nodes and causes
 */
export async function startUp(
  router: Router,
  options: ResolvedClusterOptions,
  adopt: (topology: ClusterTopology) => void,
  isClosed: () => boolean,
): Promise<void> {
  const giveUpAt = monotonicMs() + options.startupTimeoutMs;
  let lastError: Error | undefined;
  let candidate: ClusterTopology | undefined;
  // connecting cannot be interrupted, so a race keeps the limit; `isClosed` or the loop's own clock ends the loop
  const attempts = (async () => {
    for (;;) {
      lastError = await tryOnce(router, options, adopt, (found) => (candidate = found));
      if (isClosed()) throw new ClientClosedError();
      if (lastError === undefined) return;
      if (isFinal(lastError) || monotonicMs() >= giveUpAt) throw lastError;
      router.retryQueue.explainWait(lastError);
      await delay(RETRY_MS);
    }
  })();
  attempts.catch(() => {});
  return withinLoopTime(options.startupTimeoutMs, attempts, async () => {
    throw lastError ?? (await tooSlow(router, options, candidate)) ?? unreachable(options, new Map());
  });
}

/** Returns the error for a first attempt that has not ended: the cluster was found, and its primaries do not answer. */
function tooSlow(
  router: Router,
  options: ResolvedClusterOptions,
  candidate: ClusterTopology | undefined,
): Promise<TopologyError | undefined> {
  const reason = `not connected within ${options.startupTimeoutMs} ms`;
  const missing = (candidate?.primaries ?? []).filter(
    (primary) => router.pool.channelTo(primary).state !== 'ready',
  );
  const causes = new Map(missing.map(({ name }) => [name, new ConnectionError(name, reason)]));
  // the nodes may have become silent
  return withinLoopTime(
    DIAGNOSIS_MS,
    misplacedPrimaries([...router.pool.all], options, causes),
    () => undefined,
  );
}

/**
 * Makes one attempt; returns the error if it failed.
 * @param onFound receives what the given nodes report, before the nodes in it are contacted
 */
async function tryOnce(
  router: Router,
  options: ResolvedClusterOptions,
  adopt: (topology: ClusterTopology) => void,
  onFound: (candidate: ClusterTopology) => void,
): Promise<Error | undefined> {
  const seeds = options.nodes.map((address) => router.pool.channelTo(address));
  const first = await readViews(seeds, options);
  const candidate = prevailingView(first.topologies);
  if (candidate === undefined) return worst(first) ?? unreachable(options, first.causes);
  if (candidate.coveredSlots === 0)
    return (await misplacedPrimaries(seeds, options, first.causes)) ?? uncovered(candidate, options);
  // if the seeds belong to two clusters, refuse to guess which one is meant
  const unknown = seeds.filter(({ name }) => candidate.node(name) === undefined);
  const others = await readAllViews(unknown, options, UNKNOWN_SEED_MS);
  const informed = [...first.topologies, ...others.topologies].filter((view) => view.coveredSlots > 0);
  if (informed.some((view) => !view.sharesNodes(candidate))) return disagreement(informed);
  onFound(candidate);
  const causes = await openPrimaries(candidate, router, options);
  const refused = [...causes.values()].find(isRefusal);
  if (refused !== undefined) return refused;
  const primaries = candidate.primaries.map((primary) => router.pool.channelTo(primary));
  const second = await readViews(
    primaries.filter(({ name }) => !causes.has(name)),
    options,
  );
  // a node without slots, such as one that has just been reset, does not contradict the others
  const views = second.topologies.filter((view) => view.coveredSlots > 0);
  const topology = prevailingView(views);
  const misplaced = (): Promise<TopologyError | undefined> =>
    misplacedPrimaries([...primaries, ...seeds], options, new Map([...second.causes, ...causes]));
  if (topology === undefined)
    return (await misplaced()) ?? unreachable(options, new Map([...second.causes, ...causes]));
  const agreeing = views.filter((view) => view.sameView(topology)).length;
  if (agreeing * 2 <= views.length) return disagreement(views);
  if (topology.coveredSlots < SLOT_COUNT && options.requireFullCoverage)
    return (await misplaced()) ?? uncovered(topology, options);
  if (causes.size > 0 && options.requireFullCoverage)
    return (await misplaced()) ?? unreachable(options, causes);
  adopt(topology);
  return undefined;
}

/**
 * Opens a connection to every primary at the address it announces, and verifies that it leads there.
 * @returns why primaries cannot be used, by their names
 */
async function openPrimaries(
  { primaries }: ClusterTopology,
  router: Router,
  { addressRemap }: ResolvedClusterOptions,
): Promise<ReadonlyMap<string, Error>> {
  const causes = new Map<string, Error>();
  await Promise.all(
    primaries.map(async (primary) => {
      const channel = router.pool.channelTo(primary);
      try {
        await channel.open();
        // until a topology is adopted, the channel does not know which node it should lead to
        const ask: Ask = (name, ...args) => channel.control(name, ...args);
        await verifyIdentity(ask, channel.nodeId, primary, addressRemap);
      } catch (error) {
        causes.set(primary.name, error as Error);
      }
    }),
  );
  return causes;
}

/** Returns the error for primaries that cannot be used at the addresses they announce, if there are some. */
async function misplacedPrimaries(
  channels: readonly NodeChannel[],
  options: ResolvedClusterOptions,
  causes: ReadonlyMap<string, Error>,
): Promise<TopologyError | undefined> {
  const findings = await inspectAddresses(channels, options, causes, ({ role }) => role === 'primary');
  return findings?.error;
}

function seedsAsText({ nodes }: ResolvedClusterOptions): string {
  return nodes.map((node) => describeSeed(nodeName(node), nodes)).join(', ');
}

/** Whether a server answers, and refuses this client. */
function isRefusal(error: Error): boolean {
  return error instanceof AuthenticationError || error instanceof UnsupportedServerFeatureError;
}

function isFinal(error: Error): boolean {
  return (
    isRefusal(error) ||
    error instanceof InvalidArgumentError ||
    (error instanceof TopologyError && error.code === 'NOT_A_CLUSTER')
  );
}

/** Returns the cause that waiting cannot fix, if there is one. */
function worst(views: Views): Error | undefined {
  return [...views.causes.values()].find(isFinal);
}

function unreachable(options: ResolvedClusterOptions, causes: ReadonlyMap<string, Error>): TopologyError {
  const details = [...causes]
    .map(([node, { message }]) => (message.includes(node) ? message : `${node}: ${message}`))
    .join('; ');
  return new TopologyError(
    'NO_NODE_REACHABLE',
    `No usable cluster found from ${seedsAsText(options)}: ${details || 'no answer in time'}.${adviceFor(causes)}`,
    { cause: causes.values().next().value },
  );
}

/** What to check, unless the nodes were not even asked. */
function adviceFor(causes: ReadonlyMap<string, Error>): string {
  const lacksCredentials = [...causes.values()].some((cause) => cause instanceof CredentialsUnavailableError);
  return lacksCredentials
    ? ''
    : ' Check the addresses, and that every node is up and can be reached from here.';
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
