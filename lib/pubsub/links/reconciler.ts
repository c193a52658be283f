import { Subject, type Subscription } from 'rxjs';
import { backoffMs } from '../../cluster/retry/backoff.js';
import { PROMPT_REDIRECTS } from '../../cluster/topology/redirect.js';
import { resolveRedirect } from '../../cluster/retry/resolve-redirect.js';
import { isTransient } from '../../cluster/retry/transient.js';
import { clearTimeout, setTimeout, unixMs } from '../../cluster/common/timers.js';
import type { ClusterNode, ClusterTopology } from '../../cluster/topology/topology.js';
import { LinkHealth } from './link-health.js';
import { LinkTable } from './link-table.js';
import type { PubSubEngine } from '../common/pubsub-engine.js';
import { LEAVE_GRACE_MS, SubscriberLink, type LinkListener } from './subscriber-link.js';
import { type GapReason, type SubscriptionGap } from '../subscriptions/subscription-gap.js';
import { confirmTopics, reportGap } from '../subscriptions/gap-report.js';
import { KINDS, type LinkKind, type SubscriptionKind } from '../subscriptions/subscription-kind.js';
import { SubscriptionRegistry, type RegistryListener } from '../subscriptions/subscription-registry.js';
import type { SubscriptionName } from '../subscriptions/subscription-name.js';
import type { Topic, TopicLink } from '../subscriptions/topic.js';

/** Factor by which the interval between two reads of the topology may exceed the configured one. */
const REFRESH_JITTER = 1.2;

/** Connections that end for these reasons do not indicate that the topology is stale. */
const EXPECTED_LOSSES: ReadonlySet<GapReason> = new Set(['nodeLeft', 'credentialsRenewed']);

/**
 * Keeps every wanted topic subscribed on some node. Assigns a node to each topic, and another one when that
 * node is lost, leaves the cluster, or no longer serves the topic. A topic that is served stays where it is,
 * as a move can miss messages.
 */
export class Reconciler implements RegistryListener, LinkListener {
  readonly registry = new SubscriptionRegistry(this);
  readonly gaps$ = new Subject<SubscriptionGap>();
  private readonly links = new LinkTable<SubscriberLink>();
  private readonly health = new LinkHealth();
  /** Attempts to place topics since all of them had a node. */
  private attempts = 0;
  private nextAttempt: NodeJS.Timeout | undefined = undefined;
  private starting: Promise<void> | undefined = undefined;
  private topology: ClusterTopology;
  private topologySubscription: Subscription | undefined = undefined;
  private readonly stopRenewals: () => void;
  private closed = false;

  constructor(
    private readonly engine: PubSubEngine,
    private readonly heartbeatMs: number,
  ) {
    this.topology = engine.topology;
    this.stopRenewals = engine.onRenewal((credentials) =>
      Promise.all([...this.links.values()].map((link) => link.renew(credentials))),
    );
  }

  /** The earliest time, in ms since 1970, at which a change that the topology shows now can have happened. */
  get knownSince(): number {
    return unixMs() - this.refreshMs;
  }

  /** The longest time between two reads of the topology, in ms. */
  get refreshMs(): number {
    return REFRESH_JITTER * this.engine.options.refreshIntervalMs;
  }

  /**
   * Resolves once all current topics, or those of the given names, are active.
   * @throws InvalidArgumentError if a name has no subscriber; the error of a topic that fails;
   *   ClientClosedError
   */
  async ready(names?: readonly SubscriptionName[]): Promise<void> {
    // which topics exist may depend on the topology
    await this.starting;
    await this.registry.whenActive(names);
  }

  /** Connects to the cluster if needed, and follows its topology. If that fails, all topics fail. */
  start(): Promise<void> {
    return (this.starting ??= this.connect());
  }

  /** Ends every subscription and connection. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.nextAttempt);
    this.topologySubscription?.unsubscribe();
    this.stopRenewals();
    this.registry.close();
    this.gaps$.complete();
    await Promise.all(this.links.takeAll().map((link) => link.close()));
  }

  onTopicsAdded(topics: readonly Topic[]): void {
    if (this.topologySubscription !== undefined) return void this.place(topics);
    // a failure is reported to the sinks of the topic
    if (this.starting === undefined) this.start().catch(() => {});
  }

  onTopicRemoved(topic: Topic): void {
    topic.link?.removeTopic(topic);
    topic.link = undefined;
  }

  topicNamed({ node }: SubscriberLink, kind: SubscriptionKind, key: string): Topic | undefined {
    return this.registry.find(kind, key, KINDS[kind].homed ? node.name : undefined);
  }

  onActive(link: SubscriberLink, topics: readonly Topic[]): void {
    for (const shared of confirmTopics(topics, link)) {
      this.engine.counters.pubsub.gaps.add(shared.gap.reason);
      reportGap(shared);
      this.gaps$.next(shared.gap);
    }
  }

  onDropped(link: SubscriberLink, topic: Topic): void {
    if (topic.link !== link) return;
    this.engine.reportStale();
    topic.lose({ node: link.node.name, since: link.intactUntil, reason: 'slotMoved' });
  }

  onRefused(link: SubscriberLink, topics: readonly Topic[], error: Error): void {
    const transient = isTransient(error);
    if (transient) this.engine.reportStale();
    for (const topic of topics) {
      if (topic.link !== link) continue;
      topic.link = undefined;
      if (transient) this.followRedirect(link, topic, error);
      else this.registry.fail(topic, error);
    }
  }

  onDemoted(): void {
    this.engine.reportStale();
  }

  onLost(link: SubscriberLink, reason: GapReason): void {
    const name = linkName(link.kind, link.node);
    this.links.delete(link);
    if (link.outlivedStart) this.health.succeeded(name);
    if (reason === 'connectionLost' && link.wasOpen) this.health.disconnected(name);
    else if (reason !== 'credentialsRenewed') this.health.failed(name);
    if (!EXPECTED_LOSSES.has(reason)) this.engine.reportStale();
    this.move(link.topics(), link, reason);
  }

  onIdle(link: SubscriberLink): void {
    this.links.delete(link);
    void link.close();
  }

  private async connect(): Promise<void> {
    try {
      await this.engine.connect();
    } catch (error) {
      this.starting = undefined;
      for (const topic of this.registry.topics()) this.registry.fail(topic, error as Error);
      throw error;
    }
    if (this.closed) return;
    this.topology = this.engine.topology;
    this.topologySubscription = this.engine.topology$.subscribe({
      next: (topology) => this.applyTopology(topology),
      complete: () => void this.close(),
    });
  }

  private applyTopology(topology: ClusterTopology): void {
    const before = this.topology;
    this.topology = topology;
    this.health.retain((node) => topology.node(node) !== undefined);
    for (const link of this.links.values()) link.setKnown(topology.node(link.node.name) !== undefined);
    this.registry.topics().forEach((topic) => {
      const { link } = topic;
      if (link !== undefined && this.hasMoved(topic, link, before)) this.move([topic], link, 'slotMoved');
    });
    this.placeUnplaced();
  }

  /**
   * Returns whether the slot has a new primary that does not serve the topic yet. After a redirect, a topic
   * is ahead of the topology; if the primary could not be reached, the topic may be on one of its replicas.
   */
  private hasMoved(topic: Topic, link: TopicLink, before: ClusterTopology): boolean {
    if (!KINDS[topic.kind].slotwise) return false;
    const { slot } = topic;
    const primary = this.topology.nodeForSlot(slot)?.name;
    return primary !== undefined && primary !== before.nodeForSlot(slot)?.name && primary !== link.node.name;
  }

  /** Moves topics from a link that no longer serves them to another one. */
  private move(topics: readonly Topic[], from: TopicLink, reason: GapReason): void {
    const loss = { node: from.node.name, since: this.intactUntil(from, reason), reason };
    for (const topic of topics) {
      from.removeTopic(topic);
      topic.link = undefined;
      topic.lose(loss);
    }
    this.place(topics);
  }

  /**
   * Returns the time until which a link lost nothing. A node that has left may have been partitioned before
   * the topology showed it.
   */
  private intactUntil({ intactUntil }: TopicLink, reason: GapReason): number {
    return reason === 'nodeLeft' ? Math.min(intactUntil, this.knownSince - LEAVE_GRACE_MS) : intactUntil;
  }

  /** Follows a node's reply that it does not serve the topic now. */
  private followRedirect(link: SubscriberLink, topic: Topic, error: Error): void {
    topic.lose({ node: link.node.name, since: link.intactUntil, reason: 'slotMoved' });
    let node: ClusterNode | undefined;
    try {
      node = resolveRedirect(error, link.node, this.engine)?.node;
    } catch (thrown) {
      // addressRemap is a function of the application
      return this.registry.fail(topic, thrown as Error);
    }
    if (node === undefined || ++topic.redirects > PROMPT_REDIRECTS) return this.placeLater(topic);
    const next = this.linkTo(node, KINDS[topic.kind].link);
    topic.link = next;
    next.addTopics([topic]);
  }

  /** Assigns nodes to topics, and tries later where none can serve. @returns whether all have one */
  private place(topics: readonly Topic[]): boolean {
    const placed = new Map<SubscriberLink, Topic[]>();
    let complete = true;
    let kind: SubscriptionKind | undefined;
    let nodes: readonly ClusterNode[] | undefined;
    let link: SubscriberLink | undefined;
    let others: Topic[] = [];
    for (let i = 0; i < topics.length; i++) {
      const topic = topics[i];
      const candidates = KINDS[topic.kind].candidates(this.topology, topic);
      // neighbors often have the same candidates, and there may be thousands
      if (candidates !== nodes || topic.kind !== kind) {
        if (topic.kind !== kind) addPlaced(placed);
        kind = topic.kind;
        nodes = candidates;
        link = this.linkToOneOf(nodes, kind);
        if (link !== undefined) placed.set(link, (others = placed.get(link) ?? []));
      }
      topic.link = link;
      if (link !== undefined) others.push(topic);
      else {
        complete = false;
        this.placeLater(topic);
      }
    }
    addPlaced(placed);
    return complete;
  }

  /** Returns the link to the best node that can serve now; undefined if none can. */
  private linkToOneOf(nodes: readonly ClusterNode[], kind: SubscriptionKind): SubscriberLink | undefined {
    const { link } = KINDS[kind];
    const node = this.health.isFlawless
      ? nodes.at(0)
      : nodes.find((one) => this.health.isAvailable(linkName(link, one)));
    return node && this.linkTo(node, link);
  }

  private linkTo(node: ClusterNode, kind: LinkKind): SubscriberLink {
    let link = this.links.get(kind, node.name);
    if (link === undefined) {
      link = new SubscriberLink(kind, node, this.engine, this.heartbeatMs, this);
      this.links.add(link);
    }
    return link;
  }

  /** No node can serve the topic now: tries again after a backoff, or when the topology changes. */
  private placeLater(topic: Topic): void {
    // one attempt for all topics that wait
    if (this.closed || this.nextAttempt !== undefined) return;
    // two nodes may name each other for as long as they disagree about a slot
    const attempt = Math.max(++this.attempts, topic.redirects - PROMPT_REDIRECTS);
    this.nextAttempt = setTimeout(() => {
      this.engine.reportStale();
      this.placeUnplaced();
    }, backoffMs(attempt));
  }

  /** Places the topics without a node. */
  private placeUnplaced(): void {
    clearTimeout(this.nextAttempt);
    this.nextAttempt = undefined;
    const unplaced = this.registry.topics().filter(({ link }) => link === undefined);
    if (this.place(unplaced)) this.attempts = 0;
  }
}

/** Passes topics of one kind on to the links that they were given. */
function addPlaced(placed: Map<SubscriberLink, readonly Topic[]>): void {
  for (const [link, topics] of placed) link.addTopics(topics);
  placed.clear();
}

const linkName = (kind: LinkKind, node: ClusterNode): string => `${kind} ${node.name}`;
