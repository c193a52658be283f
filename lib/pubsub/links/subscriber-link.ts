import { LoopTimer } from '../../cluster/common/loop-timer.js';
import { ClientClosedError, ReplyError } from '../../cluster/common/errors.js';
import type { Credentials } from '../../cluster/options/credentials.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import { clearTimeout, queueMicrotask, setTimeout, unixMs } from '../../cluster/common/timers.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
import { Heartbeat } from './heartbeat.js';
import { LINKS } from './link-traits.js';
import type { PubSubEngine } from '../common/pubsub-engine.js';
import type { GapReason } from '../subscriptions/subscription-gap.js';
import { SubscriberConnection, type SubscriberConnectionListener } from './subscriber-connection.js';
import {
  KINDS,
  kindsOf,
  type LinkKind,
  type MessageWord,
  type SubscriptionKind,
  type UnsubscribeWord,
} from '../subscriptions/subscription-kind.js';
import type { IncomingMessage } from '../subscriptions/incoming-message.js';
import { SubscriptionSet, type SubscriptionSetListener } from '../subscriptions/subscription-set.js';
import type { Topic } from '../subscriptions/topic.js';

/** How long a connection without subscriptions is kept, in ms. */
const IDLE_MS = 2_000;

/** A connection that ends within this time, in ms, does not show that the node works. */
const SHORT_LIFE_MS = 1_000;

/**
 * How long a node must be missing from the topology, in ms: it may be missing briefly, such as after a
 * failover.
 */
export const LEAVE_GRACE_MS = 5_000;

/** The callbacks of a link. */
export interface LinkListener {
  /** Returns the topic with this key that the link may have. */
  topicNamed(link: SubscriberLink, kind: SubscriptionKind, key: string): Topic | undefined;
  onActive(link: SubscriberLink, topics: readonly Topic[]): void;
  /** The node has ended the subscription; the link subscribes again. */
  onDropped(link: SubscriberLink, topic: Topic): void;
  /** The node rejects these topics; they are no longer on the link. */
  onRefused(link: SubscriberLink, topics: readonly Topic[], error: Error): void;
  /** The node is no longer a primary. */
  onDemoted(link: SubscriberLink): void;
  /** The connection is gone, or could not be established. The topics are still on the link. */
  onLost(link: SubscriberLink, reason: GapReason): void;
  /** The link has had no topics for a while. */
  onIdle(link: SubscriberLink): void;
}

/** One subscriber connection to one node, with the subscriptions on it. */
export class SubscriberLink implements SubscriberConnectionListener {
  private readonly sets = new Map<SubscriptionKind, SubscriptionSet>();
  /** The set that a word of the server belongs to. */
  private readonly byWord = new Map<
    MessageWord | UnsubscribeWord,
    { set: SubscriptionSet; prefix: number }
  >();
  private readonly connection: SubscriberConnection;
  private readonly timeLimit: LoopTimer;
  private heartbeat: Heartbeat | undefined = undefined;
  private readonly startedAt = unixMs();
  private wasPrimary: boolean;
  /** The setting to query on the node; undefined if there is none, or the node does not return it. */
  private setting: string | undefined;
  private demoted = false;
  private ended = false;
  private reconciling = false;
  private leaveTimer: NodeJS.Timeout | undefined = undefined;
  private idleTimer: NodeJS.Timeout | undefined = undefined;

  constructor(
    readonly kind: LinkKind,
    readonly node: ClusterNode,
    private readonly engine: PubSubEngine,
    private readonly heartbeatMs: number,
    private readonly listener: LinkListener,
  ) {
    this.wasPrimary = node.role === 'primary';
    this.setting = LINKS[kind].setting;
    const setListener: SubscriptionSetListener = {
      onUnreconciled: () => this.scheduleReconcile(),
      onActive: (topics) => listener.onActive(this, topics),
      onDropped: (topic) => listener.onDropped(this, topic),
      onRefused: (topics, error) => listener.onRefused(this, topics, error),
    };
    const { options, counters } = engine;
    this.connection = new SubscriberConnection(node, options, this, counters.node(node.name));
    for (const one of kindsOf(kind)) {
      const { message, unsubscribe, prefix: prefixIn } = KINDS[one];
      const prefix = prefixIn(options.database);
      const set = new SubscriptionSet(
        one,
        (key) => listener.topicNamed(this, one, key),
        (word, names) => this.connection.sendNames(word, names),
        setListener,
        prefix,
      );
      this.sets.set(one, set);
      for (const word of [message, unsubscribe]) this.byWord.set(word, { set, prefix: prefix.length });
    }
    // limits the time to connect and that of the node's first answers
    this.timeLimit = new LoopTimer(options.connectTimeoutMs, () => this.lose('nodeSilent'));
    void this.open();
  }

  /** No message was lost on this link before this time, in ms since 1970. */
  get intactUntil(): number {
    return this.heartbeat?.intactUntil ?? this.startedAt;
  }

  /** Whether the connection was established, even if it has ended since. */
  get wasOpen(): boolean {
    return this.heartbeat !== undefined;
  }

  /** Whether the connection lasted long enough to show that the node works. */
  get outlivedStart(): boolean {
    return this.wasOpen && unixMs() - this.startedAt > SHORT_LIFE_MS;
  }

  /** The topics on this link. */
  topics(): Topic[] {
    return [...this.sets.values()].flatMap((set) => [...set.topics()]);
  }

  /** Adds topics of one kind. */
  addTopics(topics: readonly Topic[]): void {
    this.stayOpen();
    this.setOf(topics[0]).addTopics(topics);
    this.scheduleReconcile();
  }

  removeTopic(topic: Topic): void {
    this.setOf(topic).removeTopic(topic);
    this.scheduleReconcile();
  }

  /** Sets whether the topology knows the node. If it does not for a while, the connection is closed. */
  setKnown(known: boolean): void {
    if (!known) {
      this.leaveTimer ??= setTimeout(() => this.lose('nodeLeft'), LEAVE_GRACE_MS);
      return;
    }
    clearTimeout(this.leaveTimer);
    this.leaveTimer = undefined;
  }

  /**
   * Authenticates the connection again. A connection that accepts no AUTH is replaced.
   * @throws AuthenticationError if the node rejects the credentials; the connection stays as it is
   */
  async renew(credentials: Credentials): Promise<void> {
    if (!(await this.connection.renew(credentials))) this.lose('credentialsRenewed');
  }

  /** Closes the connection and notifies the listener. */
  lose(reason: GapReason): void {
    if (this.ended) return;
    this.destroy();
    this.listener.onLost(this, reason);
  }

  /** Ends the connection; resolves when it is gone. */
  async close(): Promise<void> {
    this.destroy();
    await this.connection.closed();
  }

  onMessage(word: MessageWord, bytes: Buffer, start: number, end: number, message: IncomingMessage): void {
    this.engine.counters.pubsub.messages++;
    const { set, prefix } = this.byWord.get(word) as { set: SubscriptionSet; prefix: number };
    message.shortenChannel(prefix);
    set.deliver(bytes, start + prefix, end, message);
  }

  onDropped(word: UnsubscribeWord, name: string): void {
    const owner = this.byWord.get(word);
    owner?.set.markDropped(name.slice(owner.prefix));
  }

  onActivity(): void {
    this.heartbeat?.recordActivity();
  }

  onLost(): void {
    this.lose('connectionLost');
  }

  private setOf(topic: Topic): SubscriptionSet {
    return this.sets.get(topic.kind) as SubscriptionSet;
  }

  private async open(): Promise<void> {
    try {
      await this.connection.open();
      if (this.ended) return;
      this.timeLimit.cancel();
      this.startHeartbeat();
    } catch {
      this.lose('connectionLost');
    }
  }

  private startHeartbeat(): void {
    this.heartbeat = new Heartbeat(
      this.heartbeatMs,
      () => this.ping(),
      () => this.lose('nodeSilent'),
    );
    this.scheduleReconcile();
  }

  /** Changes of one turn of the event loop are sent together. */
  private scheduleReconcile(): void {
    if (this.reconciling || !this.wasOpen) return;
    this.reconciling = true;
    queueMicrotask(() => void this.reconcile());
  }

  private async reconcile(): Promise<void> {
    // do not subscribe to events that the node would not publish
    if (this.setting !== undefined) await this.checkNodeSetting();
    this.reconciling = false;
    if (this.ended) return;
    for (const set of this.sets.values()) set.reconcile();
    if ([...this.sets.values()].every((set) => set.empty)) this.closeWhenIdle();
  }

  /**
   * Queries the node's setting and passes it to the topics. If the query is impossible, the setting is
   * assumed to fit.
   */
  private async checkNodeSetting(): Promise<void> {
    if (this.setting === undefined) return;
    try {
      const [, value] = (await this.connection.ask('CONFIG', 'GET', this.setting)) as (string | undefined)[];
      if (value === undefined) this.setting = undefined;
      else for (const topic of this.topics()) topic.checkSetting(value);
    } catch (error) {
      // forbidden for this user or protocol; not repeated, as servers log each refusal
      if (error instanceof ReplyError) this.setting = undefined;
    }
  }

  /** Pings the node; topics are notified if its setting has changed. */
  private async ping(): Promise<boolean> {
    const [intact] = await Promise.all([this.pingPrimary(), this.checkNodeSetting()]);
    return intact;
  }

  /**
   * Pings the node; if messages are guaranteed only from a primary, also checks that it is one. After a
   * demotion nothing is proven any more: messages of the new primary may not have arrived here.
   */
  private async pingPrimary(): Promise<boolean> {
    try {
      if (!LINKS[this.kind].primaryOnly || this.connection.isResp2) {
        await this.connection.ask('PING');
        return true;
      }
      const isPrimary = roleOf(await this.connection.ask('HELLO')) === 'master';
      this.demoted ||= this.wasPrimary && !isPrimary;
      this.wasPrimary = isPrimary;
      if (this.demoted) this.listener.onDemoted(this);
      return isPrimary && !this.demoted;
    } catch (error) {
      // a refusal shows that the node is alive
      if (error instanceof ReplyError) return true;
      throw error;
    }
  }

  private stayOpen(): void {
    if (this.idleTimer === undefined) return;
    clearTimeout(this.idleTimer);
    this.idleTimer = undefined;
  }

  private closeWhenIdle(): void {
    this.stayOpen();
    this.idleTimer = setTimeout(() => this.listener.onIdle(this), IDLE_MS);
  }

  private destroy(): void {
    this.ended = true;
    this.heartbeat?.stop();
    this.timeLimit.cancel();
    for (const timer of [this.leaveTimer, this.idleTimer]) clearTimeout(timer);
    this.connection.destroy(new ClientClosedError());
  }
}

/** https://redis.io/docs/latest/commands/hello/ */
function roleOf(hello: Reply): Reply {
  const pairs = hello as Reply[];
  return pairs[pairs.indexOf('role') + 1];
}
