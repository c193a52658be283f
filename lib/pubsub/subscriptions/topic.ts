import { keySlot } from '../../cluster/topology/key-slot.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
import type { Loss, SubscriptionGap } from './subscription-gap.js';
import type { SubscriptionKind, Placement } from './subscription-kind.js';
import type { SubscriptionName } from './subscription-name.js';

/** Takes what comes by a topic. Its methods must not throw. */
export interface TopicSink {
  onMessage(topic: Topic, channel: Buffer, payload: Buffer): void;
  /** These of its topics are active again, and may have missed messages. */
  onGap(topics: readonly Topic[], gap: SubscriptionGap): void;
  /** Why a node with this setting (see `LINKS`) is of no use to it, if so. */
  settingError?(topic: Topic, setting: string): Error | undefined;
  /** The server will not have the subscription, or the cluster cannot be reached. */
  onError(error: Error): void;
  /** Pub/sub was closed. */
  onClosed(): void;
}

/** The connection that serves a topic. */
export interface TopicLink {
  readonly node: ClusterNode;
  /** Until when it is known to have missed nothing, in ms since 1970. */
  readonly intactUntil: number;
  /** Ends the subscription. */
  removeTopic(topic: Topic): void;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** One name that somebody subscribes to: one subscription at the servers, however many want it. */
export class Topic implements Placement {
  readonly slot: number;
  /** Replaced, never changed, so that a message reaches those who were there when it came. */
  sinks: readonly TopicSink[] = [];
  /** The connection that is to serve it. */
  link: TopicLink | undefined = undefined;
  /** When the server confirmed it, in ms since 1970; undefined while it has not. */
  activeSince: number | undefined = undefined;
  /** Why messages may be missing once it is active. */
  loss: Loss | undefined = undefined;
  /** How often nodes have sent it elsewhere since it was active. */
  redirects = 0;
  private waiters: Waiter[] = [];

  /** @param home the node it belongs to, where it can be nowhere else */
  constructor(
    readonly kind: SubscriptionKind,
    readonly name: SubscriptionName,
    readonly home?: string,
  ) {
    this.slot = keySlot(name.given);
  }

  /** Resolves once the server has confirmed it, or nobody wants it any more. */
  whenActive(): Promise<void> {
    if (this.activeSince !== undefined) return Promise.resolve();
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  deliver(channel: Buffer, payload: Buffer): void {
    for (const sink of this.sinks) sink.onMessage(this, channel, payload);
  }

  /** The server has confirmed it. Gives what may have been lost before. */
  confirm(now: number): Loss | undefined {
    const { loss } = this;
    this.activeSince = now;
    this.loss = undefined;
    this.redirects = 0;
    this.release();
    return loss;
  }

  /** It is no longer served, and was, if it was active. Further losses before it is active again change nothing. */
  lose({ since, ...loss }: Loss): void {
    if (this.activeSince === undefined) return;
    this.loss = { ...loss, since: Math.max(since, this.activeSince) };
    this.activeSince = undefined;
  }

  /** The node that is to serve it tells how it is set; those whom that does not serve are told, and leave. */
  checkSetting(setting: string): void {
    for (const sink of this.sinks) {
      const error = sink.settingError?.(this, setting);
      if (error === undefined) continue;
      for (const { reject } of this.waiters.splice(0)) reject(error);
      sink.onError(error);
    }
  }

  /** Nobody wants it any more. */
  release(): void {
    for (const { resolve } of this.waiters.splice(0)) resolve();
  }

  /** It cannot be had. */
  fail(error: Error): void {
    for (const { reject } of this.waiters.splice(0)) reject(error);
    for (const sink of this.sinks) sink.onError(error);
  }

  /** Pub/sub was closed. */
  close(error: Error): void {
    for (const { reject } of this.waiters.splice(0)) reject(error);
    for (const sink of this.sinks) sink.onClosed();
  }
}
