import { keySlot, NO_SLOT } from '../../cluster/topology/key-slot.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
import type { IncomingMessage } from './incoming-message.js';
import type { Loss, SubscriptionGap } from './subscription-gap.js';
import type { SubscriptionKind, Placement } from './subscription-kind.js';
import type { SubscriptionEntry } from './subscription-entry.js';
import type { SubscriptionName } from './subscription-name.js';

/** Receives the messages and events of a topic. Its methods must not throw. */
export interface TopicSink {
  onMessage(topic: Topic, message: IncomingMessage): void;
  /** These of its topics are active again, and may have missed messages. */
  onGap(topics: readonly Topic[], gap: SubscriptionGap): void;
  /** Returns an error if a node with this setting (see `LINKS`) does not publish what the sink needs. */
  settingError?(topic: Topic, setting: string): Error | undefined;
  /** The server rejects the subscription, or the cluster cannot be reached. */
  onError(error: Error): void;
  /** Pub/sub was closed. */
  onClosed(): void;
}

/** The connection that serves a topic. */
export interface TopicLink {
  readonly node: ClusterNode;
  /** No message was lost before this time, in ms since 1970. */
  readonly intactUntil: number;
  /** Ends the subscription of a topic. */
  removeTopic(topic: Topic): void;
}

/** Somebody who waits for topics. */
export interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

const NO_WAITERS: readonly Waiter[] = [];

/** One name with subscribers, who share one subscription on the server. */
export class Topic implements Placement {
  /** The connection assigned to it. */
  link: TopicLink | undefined = undefined;
  /** What that connection knows about its name. */
  entry: SubscriptionEntry<Topic> | undefined = undefined;
  /** When the server confirmed it, in ms since 1970; undefined until then. */
  activeSince: number | undefined = undefined;
  /** The loss to report once it is active. */
  loss: Loss | undefined = undefined;
  /** Redirects since it was last active. */
  redirects = 0;
  private knownSlot = NO_SLOT;
  /** Replaced, never mutated. */
  private waiters: readonly Waiter[] = NO_WAITERS;

  /**
   * @param sinks replaced, never mutated, so that a message reaches the sinks that were attached when it arrived
   * @param home the only node that can serve it, if there is just one
   */
  constructor(
    readonly kind: SubscriptionKind,
    readonly name: SubscriptionName,
    public sinks: readonly TopicSink[],
    readonly home?: string,
  ) {}

  /** The slot of the name, which classic subscriptions of a single shard never need. */
  get slot(): number {
    if (this.knownSlot === NO_SLOT) this.knownSlot = keySlot(this.name.given);
    return this.knownSlot;
  }

  /**
   * Lets somebody wait until the server has confirmed it, or it has lost its last subscriber.
   * @param added a list that many topics may share
   */
  addWaiters(added: readonly Waiter[]): void {
    this.waiters = this.waiters.length === 0 ? added : [...this.waiters, ...added];
  }

  deliver(message: IncomingMessage): void {
    for (const sink of this.sinks) sink.onMessage(this, message);
  }

  /** Marks the topic active. Returns the loss that ends now, if any. */
  confirm(now: number): Loss | undefined {
    const { loss } = this;
    this.activeSince = now;
    this.loss = undefined;
    this.redirects = 0;
    this.release();
    return loss;
  }

  /** Records that an active topic is no longer served. Ignored while it is not active. */
  lose({ since, ...loss }: Loss): void {
    if (this.activeSince === undefined) return;
    this.loss = { ...loss, since: Math.max(since, this.activeSince) };
    this.activeSince = undefined;
  }

  /** Passes the node's setting to the sinks; a sink that it does not serve receives an error. */
  checkSetting(setting: string): void {
    for (const sink of this.sinks) {
      const error = sink.settingError?.(this, setting);
      if (error === undefined) continue;
      for (const { reject } of this.takeWaiters()) reject(error);
      sink.onError(error);
    }
  }

  /** Resolves all waiters. */
  release(): void {
    if (this.waiters === NO_WAITERS) return;
    const waiters = this.takeWaiters();
    for (let i = 0; i < waiters.length; i++) waiters[i].resolve();
  }

  /** Rejects all waiters and passes the error to the sinks. */
  fail(error: Error): void {
    for (const { reject } of this.takeWaiters()) reject(error);
    for (const sink of this.sinks) sink.onError(error);
  }

  private takeWaiters(): readonly Waiter[] {
    const { waiters } = this;
    this.waiters = NO_WAITERS;
    return waiters;
  }

  /** Pub/sub was closed. */
  close(error: Error): void {
    for (const { reject } of this.takeWaiters()) reject(error);
    for (const sink of this.sinks) sink.onClosed();
  }
}
