import type { Subscription } from 'rxjs';
import type { ChannelName } from '../../pubsub/subscriptions/cluster-message.js';
import type { ClusterPubSub } from '../../pubsub/cluster-pubsub.js';
import { readNames } from '../../pubsub/subscriptions/subscription-name.js';
import { withCallback } from '../commands/call-arguments.js';

/** The kinds of subscription that ioredis has. */
export type EventKind = 'channel' | 'pattern' | 'sharded';

/** Names, or lists of names, with an optional callback at the end. */
export type SubscribeArguments = (
  ChannelName | readonly ChannelName[] | ((error: Error | null, count?: unknown) => void)
)[];

/** Receives the events: a `ClusterClient`. */
export interface EventSink {
  listenerCount(event: string): number;
  notify(event: string, ...args: unknown[]): void;
}

/** The events of ioredis for each kind: with text; and, with the suffix `Buffer`, with bytes. */
const EVENTS: Readonly<Record<EventKind, string>> = {
  channel: 'message',
  pattern: 'pmessage',
  sharded: 'smessage',
};

/** Kinds that are counted together, as in ioredis: channels with patterns, sharded channels on their own. */
const COUNTED_WITH: Readonly<Record<EventKind, readonly EventKind[]>> = {
  channel: ['channel', 'pattern'],
  pattern: ['channel', 'pattern'],
  sharded: ['sharded'],
};

/**
 * Subscriptions whose messages are emitted as events, for callers who know ioredis: `subscribe('news')`, then
 * `on('message', (channel, message) => …)`. They are subscriptions of `cluster.pubsub`, and follow the cluster
 * like those.
 */
export class EventSubscriptions {
  private readonly held: Readonly<Record<EventKind, Map<string, Subscription>>> = {
    channel: new Map(),
    pattern: new Map(),
    sharded: new Map(),
  };

  constructor(
    private readonly pubsub: ClusterPubSub,
    private readonly sink: EventSink,
  ) {}

  /** Subscribes, and resolves with the number of subscriptions once the server has confirmed the names. */
  subscribe(kind: EventKind, args: SubscribeArguments): Promise<number> {
    const names = [...args];
    return withCallback(names, async () => {
      const wanted = readNames(names.flat() as ChannelName[]);
      let fault: Error | undefined;
      for (const { key, given } of wanted) {
        if (this.held[kind].has(key)) continue;
        // with a name of bytes, messages carry the channel as bytes
        const messages = this.pubsub[kind](Buffer.from(given as string), { codec: 'binary' });
        const subscription = messages.subscribe({
          next: ({ channel, pattern, payload }) => this.emitMessage(kind, channel, payload, pattern),
          error: (error: Error) => {
            fault = error;
            this.held[kind].delete(key);
          },
          complete: () => this.held[kind].delete(key),
        });
        if (!subscription.closed) this.held[kind].set(key, subscription);
      }
      await this.pubsub
        .ready(wanted.map(({ given }) => given))
        .catch((error: Error) => Promise.reject(fault ?? error));
      return this.count(kind);
    });
  }

  /** Ends the subscriptions to the names, or all of the kind. Resolves with the number of those that are left. */
  unsubscribe(kind: EventKind, args: SubscribeArguments): Promise<number> {
    const names = [...args];
    return withCallback(names, async () => {
      const held = this.held[kind];
      const named = names.flat() as ChannelName[];
      const keys = named.length === 0 ? [...held.keys()] : readNames(named).map(({ key }) => key);
      for (const key of keys) {
        held.get(key)?.unsubscribe();
        held.delete(key);
      }
      return this.count(kind);
    });
  }

  private count(kind: EventKind): number {
    return COUNTED_WITH[kind].reduce((sum, one) => sum + this.held[one].size, 0);
  }

  private emitMessage(kind: EventKind, channel: Buffer, payload: Buffer, pattern: Buffer | undefined): void {
    const event = EVENTS[kind];
    // patterns are text in both events, as in ioredis
    const before = pattern === undefined ? [] : [String(pattern)];
    if (this.sink.listenerCount(event) > 0)
      this.sink.notify(event, ...before, String(channel), String(payload));
    this.sink.notify(`${event}Buffer`, ...before, channel, payload);
  }
}
