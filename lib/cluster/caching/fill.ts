import type { CommandNode } from '../command/command.js';
import type { ResolvedCall } from '../command/resolved-call.js';
import { ReplyError } from '../common/errors.js';
import { monotonicMs } from '../common/timers.js';
import type { Reply } from '../protocol/reply.js';
import type { Argument, RequestEncoder } from '../protocol/request-encoder.js';
import { CacheSession } from './cache-session.js';

/** A key of a read, as it is sent and as its bytes. */
export interface FillKey {
  readonly argument: Argument;
  readonly key: string;
}

/** What was in progress at a key when a read of it began; see `ClientCache.watch`. */
export interface KeyWatch {
  reads: number;
  changes: number;
}

/** What a read needs to know of the cache; a `ClientCache` is one. */
export interface WatchingCache {
  readonly optsIn: boolean;
  /** Counts how often all replies, or those of a connection, were dropped. */
  readonly flushes: number;
  /** Notes changes of a key from now on. Each call needs one of `unwatch`. */
  watch(key: string): KeyWatch;
  unwatch(key: string): void;
  /** How often a slot has left its node. */
  movesOf(slot: number): number;
  /** A server refused the read. */
  refused(error: ReplyError): void;
}

/** What a read has brought. */
export interface Arrival {
  readonly session: CacheSession;
  /** When the read was sent. */
  readonly sentAt: number;
  /** The replies of PTTL, one for each key. */
  readonly ttls: readonly Reply[];
}

/**
 * A read on its way whose reply may be kept. It is written as one piece: CLIENT CACHING YES where the server tracks
 * what clients ask it to, the read, and PTTL for each key, so that a reply is not kept for longer than the key lives.
 */
export class Fill {
  /** What has arrived, once all has. */
  arrival: Arrival | undefined = undefined;
  private readonly watches: readonly KeyWatch[];
  private readonly changes: readonly number[];
  private readonly flushes: number;
  private moves: number;
  private over = false;
  private plain = false;
  private position = 0;
  private sentAt = 0;
  private value: Reply = null;
  private ttls: Reply[] = [];

  constructor(
    private readonly cache: WatchingCache,
    readonly slot: number,
    readonly keys: readonly FillKey[],
  ) {
    this.watches = keys.map(({ key }) => cache.watch(key));
    this.changes = this.watches.map(({ changes }) => changes);
    this.flushes = cache.flushes;
    this.moves = cache.movesOf(slot);
  }

  /** Replies that it gets the way it was written last. */
  get replyCount(): number {
    return this.plain ? 1 : this.prefixed + 1 + this.keys.length;
  }

  /** Whether the reply may be kept: nothing has happened to the key since the read began. */
  intact(index = 0): boolean {
    return (
      !this.over &&
      this.watches[index].changes === this.changes[index] &&
      this.cache.flushes === this.flushes &&
      this.cache.movesOf(this.slot) === this.moves
    );
  }

  /** @param asking the node is only taking over the slot; what it says is not kept */
  encode(encoder: RequestEncoder, { name, args }: ResolvedCall, asking: boolean): void {
    this.plain = asking;
    this.position = 0;
    this.ttls = [];
    this.arrival = undefined;
    this.sentAt = monotonicMs();
    this.moves = this.cache.movesOf(this.slot);
    if (!asking && this.prefixed === 1) encoder.append('CLIENT', ['CACHING', 'YES']);
    encoder.append(name, args);
    if (asking) return;
    for (const { argument } of this.keys) encoder.append('PTTL', [argument]);
  }

  /** Takes one reply. @returns that of the read, once all replies are there */
  receive(reply: Reply, from: CommandNode): Reply | undefined {
    if (this.plain) return reply;
    const position = this.position++ - this.prefixed;
    if (position === 0) this.value = reply;
    else if (position > 0) this.ttls.push(reply);
    if (position < this.keys.length) return undefined;
    const { value, sentAt, ttls } = this;
    this.value = null;
    if (value instanceof ReplyError) this.cache.refused(value);
    else if (from.session instanceof CacheSession) this.arrival = { session: from.session, sentAt, ttls };
    return value;
  }

  /** Ends it. What arrives later is not kept. */
  end(): void {
    if (this.over) return;
    this.over = true;
    for (const { key } of this.keys) this.cache.unwatch(key);
  }

  private get prefixed(): 0 | 1 {
    return this.cache.optsIn ? 1 : 0;
  }
}
