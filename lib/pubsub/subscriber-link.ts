import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import { toByteText } from '../cluster/byte-text.js';
import { toReplyError } from '../cluster/reply-error.js';
import type { ClusterNode } from '../cluster/topology.js';
import type { ChannelName } from './cluster-message.js';
import { Heartbeat } from './heartbeat.js';
import { LINKS } from './link-traits.js';
import type { PubSubEngine } from './pubsub-engine.js';
import type { GapReason } from './subscription-gap.js';
import { KINDS, kindsOf, type LinkKind, type SubscriptionKind } from './subscription-kind.js';
import { SubscriptionSet, type SubscriptionSetListener } from './subscription-set.js';
import type { Topic } from './topic.js';

/** How long a connection without subscriptions is kept, in ms. */
const IDLE_MS = 2_000;

/** How long after the server has dropped a subscription all are looked through, in ms. */
const DOUBT_MS = 20;

/** A connection that ends within this time, in ms, proves nothing in favour of the node. */
const SHORT_LIFE_MS = 1_000;

/** How long a node is to be missing from the topology, in ms: it may be so for a moment, after a failover say. */
export const LEAVE_GRACE_MS = 5_000;

/** What a link tells. */
export interface LinkListener {
  onActive(link: SubscriberLink, topics: readonly Topic[]): void;
  /** The node will not have these; they are no longer wanted here. */
  onRefused(link: SubscriberLink, topics: readonly Topic[], error: Error): void;
  /** The node was a primary and is not any more. */
  onDemoted(link: SubscriberLink): void;
  /** The node is of no use for what the link is there for. */
  onUnfit(link: SubscriberLink, error: Error): void;
  /** The connection is gone, or could not be made. The topics are still the link's. */
  onLost(link: SubscriberLink, reason: GapReason): void;
  /** Nothing has been wanted here for a while. */
  onIdle(link: SubscriberLink): void;
}

/** One subscriber connection to one node, from its opening to its end, and the subscriptions on it. */
export class SubscriberLink {
  private readonly sets = new Map<SubscriptionKind, SubscriptionSet>();
  private redis: Redis | undefined = undefined;
  private heartbeat: Heartbeat | undefined = undefined;
  private readonly begunAt = Date.now();
  private wasPrimary: boolean;
  private demoted = false;
  private ended = false;
  private reconciling = false;
  private doubting: NodeJS.Timeout | undefined = undefined;
  private leaving: NodeJS.Timeout | undefined = undefined;
  private idle: NodeJS.Timeout | undefined = undefined;

  constructor(
    readonly kind: LinkKind,
    readonly node: ClusterNode,
    private readonly engine: PubSubEngine,
    private readonly heartbeatMs: number,
    private readonly listener: LinkListener,
  ) {
    this.wasPrimary = node.role === 'primary';
    const setListener: SubscriptionSetListener = {
      onUnsettled: () => this.reconcileSoon(),
      onActive: (topics) => listener.onActive(this, topics),
      onRefused: (topics, error) => listener.onRefused(this, topics, error),
    };
    for (const one of kindsOf(kind)) {
      const send = (command: string, names: ChannelName[]): Promise<void> => this.send(command, names);
      this.sets.set(one, new SubscriptionSet(one, send, setListener));
    }
    void this.open();
  }

  /** Until then nothing was lost here, in ms since 1970. */
  get provenAt(): number {
    return this.heartbeat?.provenAt ?? this.begunAt;
  }

  /** The connection was made, whether it still is there or not. */
  get wasOpen(): boolean {
    return this.heartbeat !== undefined;
  }

  /** It was there for long enough to tell that the node is well. */
  get proven(): boolean {
    return this.wasOpen && Date.now() - this.begunAt > SHORT_LIFE_MS;
  }

  /** The topics that are wanted here. */
  topics(): Topic[] {
    return [...this.sets.values()].flatMap((set) => [...set.topics()]);
  }

  want(topic: Topic): void {
    clearTimeout(this.idle);
    this.setOf(topic).want(topic);
    this.reconcileSoon();
  }

  drop(topic: Topic): void {
    this.setOf(topic).drop(topic);
    this.reconcileSoon();
  }

  /** Whether the topology knows the node. Where it does not for a while, the connection is given up. */
  setKnown(known: boolean): void {
    if (!known) {
      this.leaving ??= setTimeout(() => this.lose('nodeLeft'), LEAVE_GRACE_MS);
      return;
    }
    clearTimeout(this.leaving);
    this.leaving = undefined;
  }

  /** Gives the connection up; tells the listener. */
  lose(reason: GapReason): void {
    if (this.ended) return;
    this.end();
    this.listener.onLost(this, reason);
  }

  /** Ends the connection; resolves when it is gone. */
  async close(): Promise<void> {
    const { redis } = this;
    this.end();
    if (redis === undefined || redis.status === 'end') return;
    await new Promise((resolve) => redis.once('end', resolve));
  }

  private setOf(topic: Topic): SubscriptionSet {
    return this.sets.get(topic.kind) as SubscriptionSet;
  }

  private async open(): Promise<void> {
    try {
      const redis = await this.engine.createNodeClient(this.node, LINKS[this.kind].overrides);
      this.redis = redis;
      redis.on('error', () => this.lose('connectionLost'));
      redis.on('end', () => this.lose('connectionLost'));
      if (this.ended) return redis.disconnect();
      // ioredis bounds the time to connect, but not the time that the node takes to answer then
      const guard = setTimeout(() => this.lose('nodeSilent'), redis.options.connectTimeout);
      const unfit = await this.connect(redis).finally(() => clearTimeout(guard));
      if (this.ended) return;
      if (unfit !== undefined) this.listener.onUnfit(this, unfit);
      else this.opened(redis);
    } catch {
      this.lose('connectionLost');
    }
  }

  private async connect(redis: Redis): Promise<Error | undefined> {
    await redis.connect();
    return LINKS[this.kind].unfitness?.(redis, this.node);
  }

  private opened(redis: Redis): void {
    this.heartbeat = new Heartbeat(
      this.heartbeatMs,
      () => this.ping(redis),
      () => this.lose('nodeSilent'),
    );
    for (const [kind, set] of this.sets) this.listen(redis, kind, set);
    redis.on('moved', () => this.doubtSoon());
    this.reconcileSoon();
  }

  private listen(redis: Redis, kind: SubscriptionKind, set: SubscriptionSet): void {
    const { event, prefix } = KINDS[kind];
    const { length } = prefix;
    if (event === 'pmessageBuffer') {
      redis.on(event, (pattern: string, channel: Buffer, payload: Buffer) => {
        this.heartbeat?.heard();
        set.deliver(toByteText(pattern.slice(length)), channel.subarray(length), payload);
      });
    } else {
      redis.on(event, (channel: Buffer, payload: Buffer) => {
        this.heartbeat?.heard();
        set.deliver(toByteText(channel), channel, payload);
      });
    }
  }

  private async send(command: string, names: ChannelName[]): Promise<void> {
    try {
      await (this.redis as Redis).call(command, names);
    } catch (error) {
      throw error instanceof NodeReplyError ? toReplyError((error as Error).message) : error;
    }
    this.heartbeat?.heard();
  }

  /** What is wanted in one turn of the event loop is sent together. */
  private reconcileSoon(): void {
    if (this.reconciling || !this.wasOpen) return;
    this.reconciling = true;
    queueMicrotask(() => {
      this.reconciling = false;
      if (this.ended) return;
      for (const set of this.sets.values()) set.reconcile();
      if ([...this.sets.values()].every((set) => set.empty)) this.rest();
    });
  }

  /** Later, so that confirmations which came before are taken in first, and many slots that move cost one round. */
  private doubtSoon(): void {
    this.doubting ??= setTimeout(() => {
      this.doubting = undefined;
      for (const set of this.sets.values()) set.doubt();
      this.reconcileSoon();
    }, DOUBT_MS);
  }

  /**
   * A sign of life. Where messages are sure to come only from a primary, the answer tells whether the node is one; once
   * it is not, nothing is proven any more: what its successor has published since may not have come by here.
   */
  private async ping(redis: Redis): Promise<boolean> {
    try {
      // a server that will not speak RESP3 takes nothing but PING from a subscriber
      if (!LINKS[this.kind].primaryOnly || redis.mode === 'subscriber')
        return (await redis.ping()) !== undefined;
      const isPrimary = roleIn(await redis.call('HELLO')) === 'master';
      this.demoted ||= this.wasPrimary && !isPrimary;
      this.wasPrimary = isPrimary;
      if (this.demoted) this.listener.onDemoted(this);
      return isPrimary && !this.demoted;
    } catch (error) {
      // a refusal is a sign of life, too
      if (error instanceof NodeReplyError) return true;
      throw error;
    }
  }

  private rest(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.listener.onIdle(this), IDLE_MS);
  }

  private end(): void {
    this.ended = true;
    this.heartbeat?.stop();
    for (const timer of [this.doubting, this.leaving, this.idle]) clearTimeout(timer);
    this.redis?.disconnect();
  }
}

/** https://redis.io/docs/latest/commands/hello/ */
function roleIn(hello: unknown): unknown {
  const pairs = hello as unknown[];
  return pairs[pairs.indexOf('role') + 1];
}
