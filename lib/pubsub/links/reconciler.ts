import { Subject, type Subscription } from 'rxjs';
import { backoffMs } from '../../cluster/common/backoff.js';
import { PROMPT_REDIRECTS } from '../../cluster/topology/redirect.js';
import { resolveRedirect } from '../../cluster/retry/resolve-redirect.js';
import { isTransient } from '../../cluster/retry/transient.js';
import { clearTimeout, setTimeout } from '../../cluster/common/timers.js';
import type { ClusterNode, ClusterTopology } from '../../cluster/topology/topology.js';
import { LinkHealth } from './link-health.js';
import type { PubSubEngine } from '../common/pubsub-engine.js';
import { LEAVE_GRACE_MS, SubscriberLink, type LinkListener } from './subscriber-link.js';
import { type GapReason, type SubscriptionGap } from '../subscriptions/subscription-gap.js';
import { confirmTopics, reportGap } from '../subscriptions/gap-report.js';
import { KINDS, type LinkKind } from '../subscriptions/subscription-kind.js';
import { SubscriptionRegistry, type RegistryListener } from '../subscriptions/subscription-registry.js';
import type { SubscriptionName } from '../subscriptions/subscription-name.js';
import type { Topic, TopicLink } from '../subscriptions/topic.js';

/** By how much two reads of the topology may be further apart than they should. */
const REFRESH_JITTER = 1.2;

/** Connections that end for these reasons tell nothing new of their nodes. */
const EXPECTED_LOSSES: ReadonlySet<GapReason> = new Set(['nodeLeft', 'credentialsRenewed']);

/**
 * Sees to it that what is desired is subscribed to somewhere: gives each topic a node, and another one when that is
 * lost, leaves the cluster, or does not serve the topic any more. Where nothing is amiss a topic stays where it is: to
 * move it is to miss messages.
 */
export class Reconciler implements RegistryListener, LinkListener {
  readonly registry = new SubscriptionRegistry(this);
  readonly gaps$ = new Subject<SubscriptionGap>();
  private readonly links = new Map<string, SubscriberLink>();
  private readonly health = new LinkHealth();
  /** Topics without a node. */
  private readonly unplaced = new Set<Topic>();
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

  /** What the topology tells now has been so for no longer than since then, in ms since 1970, where it is news. */
  get knownSince(): number {
    return Date.now() - this.refreshMs;
  }

  /** The longest time from one reading of the topology to the next, in ms. */
  get refreshMs(): number {
    return REFRESH_JITTER * this.engine.options.refreshIntervalMs;
  }

  /**
   * Resolves once everything that is wanted at this moment is active: these names, or all.
   * @throws InvalidArgumentError where nobody subscribes to a name; what topics fail with; ClientClosedError
   */
  async ready(names?: readonly SubscriptionName[]): Promise<void> {
    // what is wanted may depend on the topology
    await this.starting;
    await this.registry.whenActive(names);
  }

  /** Finds the cluster, if need be, and follows its topology. What is desired fails when that does. */
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
    const links = [...this.links.values()];
    this.links.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  onTopicAdded(topic: Topic): void {
    this.unplaced.add(topic);
    // those who want the topic are told when it fails
    if (this.topologySubscription === undefined) this.start().catch(() => {});
    else this.place(topic);
  }

  onTopicRemoved(topic: Topic): void {
    this.unplaced.delete(topic);
    topic.link?.removeTopic(topic);
    topic.link = undefined;
  }

  onActive(link: SubscriberLink, topics: readonly Topic[]): void {
    const confirmed = topics.filter((topic) => topic.link === link && topic.activeSince === undefined);
    for (const shared of confirmTopics(confirmed)) {
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
    this.links.delete(name);
    if (link.outlivedStart) this.health.succeeded(name);
    if (reason === 'connectionLost' && link.wasOpen) this.health.disconnected(name);
    else if (reason !== 'credentialsRenewed') this.health.failed(name);
    if (!EXPECTED_LOSSES.has(reason)) this.engine.reportStale();
    for (const topic of link.topics()) this.move(topic, link, reason);
  }

  onIdle(link: SubscriberLink): void {
    this.links.delete(linkName(link.kind, link.node));
    void link.close();
  }

  private async connect(): Promise<void> {
    try {
      await this.engine.connect();
    } catch (error) {
      this.starting = undefined;
      for (const topic of [...this.unplaced]) this.registry.fail(topic, error as Error);
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
    for (const topic of this.registry.topics()) {
      const { link } = topic;
      if (link !== undefined && this.hasMoved(topic, link, before)) this.move(topic, link, 'slotMoved');
    }
    this.placeUnplaced();
  }

  /**
   * The slot has another primary than in the snapshot before, and the topic is not there yet. After a redirect topics are
   * ahead of the topology, and where the primary could not be reached, they may be with the replica that follows it.
   */
  private hasMoved({ kind, slot }: Topic, link: TopicLink, before: ClusterTopology): boolean {
    if (!KINDS[kind].slotwise) return false;
    const primary = this.topology.nodeForSlot(slot)?.name;
    return primary !== undefined && primary !== before.nodeForSlot(slot)?.name && primary !== link.node.name;
  }

  /** Takes a topic from a link that does not serve it any more to one that does. */
  private move(topic: Topic, from: TopicLink, reason: GapReason): void {
    from.removeTopic(topic);
    topic.link = undefined;
    topic.lose({ node: from.node.name, since: this.intactUntil(from, reason), reason });
    this.place(topic);
  }

  /** Until when nothing was lost on a link. A node that has left may have been cut off from the others for longer. */
  private intactUntil({ intactUntil }: TopicLink, reason: GapReason): number {
    return reason === 'nodeLeft' ? Math.min(intactUntil, this.knownSince - LEAVE_GRACE_MS) : intactUntil;
  }

  /** The node says that it does not serve the topic now. */
  private followRedirect(link: SubscriberLink, topic: Topic, error: Error): void {
    topic.lose({ node: link.node.name, since: link.intactUntil, reason: 'slotMoved' });
    let node: ClusterNode | undefined;
    try {
      node = resolveRedirect(error, link.node, this.engine)?.node;
    } catch (thrown) {
      // addressRemap is the application's
      return this.registry.fail(topic, thrown as Error);
    }
    if (node !== undefined && ++topic.redirects <= PROMPT_REDIRECTS) this.assign(topic, node);
    else this.placeLater(topic);
  }

  private place(topic: Topic): void {
    const { link, candidates } = KINDS[topic.kind];
    const node = candidates(this.topology, topic).find((one) => this.health.isAvailable(linkName(link, one)));
    if (node === undefined) this.placeLater(topic);
    else this.assign(topic, node);
  }

  private assign(topic: Topic, node: ClusterNode): void {
    this.unplaced.delete(topic);
    const link = this.linkTo(topic, node);
    topic.link = link;
    link.addTopic(topic);
  }

  private linkTo({ kind }: Topic, node: ClusterNode): SubscriberLink {
    const { link: linkKind } = KINDS[kind];
    const name = linkName(linkKind, node);
    let link = this.links.get(name);
    if (link === undefined) {
      link = new SubscriberLink(linkKind, node, this.engine, this.heartbeatMs, this);
      this.links.set(name, link);
    }
    return link;
  }

  /** There is no node for the topic now: tries again in a moment, or when the topology changes. */
  private placeLater(topic: Topic): void {
    this.unplaced.add(topic);
    if (this.closed) return;
    this.nextAttempt ??= setTimeout(() => {
      this.engine.reportStale();
      this.placeUnplaced();
    }, backoffMs(++this.attempts));
  }

  private placeUnplaced(): void {
    clearTimeout(this.nextAttempt);
    this.nextAttempt = undefined;
    for (const topic of [...this.unplaced]) this.place(topic);
    if (this.unplaced.size === 0) this.attempts = 0;
  }
}

const linkName = (kind: LinkKind, node: ClusterNode): string => `${kind} ${node.name}`;
