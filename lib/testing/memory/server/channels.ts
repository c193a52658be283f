import { globExpression } from '../command-parts/glob.js';
import { PushReply, type MemoryReply } from '../command-parts/reply.js';

/** The kinds of subscriptions, by the words in front of `subscribe` and `message`. */
export type ChannelKind = '' | 'p' | 's';

/** Receives the messages of its subscriptions. */
export interface Subscriber {
  push(message: PushReply): void;
}

/** The subscriptions of a server. */
export class Channels {
  private readonly names: Readonly<Record<ChannelKind, Map<string, Set<Subscriber>>>> = {
    '': new Map(),
    p: new Map(),
    s: new Map(),
  };

  subscribe(kind: ChannelKind, name: string, subscriber: Subscriber): void {
    const names = this.names[kind];
    const subscribers = names.get(name);
    if (subscribers) subscribers.add(subscriber);
    else names.set(name, new Set([subscriber]));
  }

  unsubscribe(kind: ChannelKind, name: string, subscriber: Subscriber): void {
    const subscribers = this.names[kind].get(name);
    subscribers?.delete(subscriber);
    if (subscribers?.size === 0) this.names[kind].delete(name);
  }

  /** Sends a message, and returns to how many subscribers. */
  publish(kind: '' | 's', channel: string, payload: string): number {
    const message = new PushReply([`${kind}message`, channel, payload]);
    const own = [...(this.names[kind].get(channel) ?? [])];
    for (const subscriber of own) subscriber.push(message);
    return own.length + (kind === '' ? this.publishToPatterns(channel, payload) : 0);
  }

  /** Returns the names with subscribers that match a glob. */
  list(kind: ChannelKind, glob: string): string[] {
    const expression = globExpression(glob);
    return [...this.names[kind].keys()].filter((name) => expression.test(name));
  }

  /** Returns each name followed by its number of subscribers. */
  count(kind: ChannelKind, names: readonly string[]): MemoryReply[] {
    return names.flatMap((name) => [name, this.names[kind].get(name)?.size ?? 0]);
  }

  /** Returns the number of patterns. */
  get patterns(): number {
    return this.names.p.size;
  }

  private publishToPatterns(channel: string, payload: string): number {
    let count = 0;
    for (const [pattern, subscribers] of this.names.p) {
      if (!globExpression(pattern).test(channel)) continue;
      for (const subscriber of subscribers) {
        subscriber.push(new PushReply(['pmessage', pattern, channel, payload]));
        count++;
      }
    }
    return count;
  }
}
