import { Subject } from 'rxjs';
import type { ResolvedCacheOptions } from '../options/cache-options.js';
import type { ReplyError } from '../common/errors.js';
import { monotonicMs, setImmediate } from '../common/timers.js';
import type { Argument } from '../protocol/request-encoder.js';
import type { CacheCounters } from '../stats/cache-counters.js';
import type { ClusterCacheStats } from '../stats/cluster-stats.js';
import { SLOT_COUNT } from '../topology/key-slot.js';
import type { ClusterTopology } from '../topology/topology.js';
import { CacheEntries, marksOf, markUsed, ownReply, slotOf, type CacheEntry } from './cache-entries.js';
import { bytesAsText } from './cache-key.js';
import type { CacheInvalidation } from './cache-invalidation.js';
import type { CacheSession, SessionListener } from './cache-session.js';
import { CacheUnavailableError } from './cache-unavailable-error.js';
import type { Fill, KeyWatch, WatchingCache } from './fill.js';
import { bytesOfReply, bytesOfText, saysNothing } from './kept-reply.js';
import { SessionChecks, type CheckedNodes } from './session-checks.js';
import { SlotLease, type SlotOwners } from './slot-lease.js';

/** What a cache needs from the client. */
export interface CacheHost extends CheckedNodes, SlotOwners {
  /** Called once for each reason. */
  onUnavailable(error: CacheUnavailableError, node: string): void;
}

/** The memory that an entry takes beside its key, its signature and its value. */
const OVERHEAD_BYTES = 180;

/** A read whose reply is to be kept. */
export interface KeptRead {
  readonly signature: string;
  /** The command as it was sent, to repeat it. */
  readonly name: string;
  readonly args: readonly Argument[];
}

/**
 * Replies of the servers, kept in memory for as long as they hold. Each belongs to a connection, and holds while the
 * connection is that of its slot's primary, nothing was reported about its key, and the node has shown within the last
 * `maxStaleMs` that it would have reported it.
 */
export class ClientCache implements SessionListener, WatchingCache {
  /** Counts how often all replies, or those of a connection, were dropped. */
  flushes = 0;
  readonly invalidated$ = new Subject<CacheInvalidation>();
  /** Whether servers track only the reads that ask them to; else they report every change of the prefixes. */
  readonly optsIn: boolean;
  private readonly entries: CacheEntries;
  private readonly checks: SessionChecks;
  private readonly watches = new Map<string, KeyWatch>();
  /** How often each slot has left its node. */
  private readonly moves = new Uint32Array(SLOT_COUNT);
  private readonly lease: SlotLease;
  private readonly reported = new Set<string>();
  private sweeping = false;

  constructor(
    readonly options: ResolvedCacheOptions,
    private readonly host: CacheHost,
    private readonly counters: CacheCounters,
  ) {
    this.optsIn = options.prefixes.length === 0;
    this.entries = new CacheEntries(options.maxBytes, counters);
    this.checks = new SessionChecks(options.maxStaleMs, host, (slot) => this.left(slot));
    this.lease = new SlotLease(host, this.moves, options.maxStaleMs);
  }

  stats(): ClusterCacheStats {
    const { size, bytes } = this.entries;
    return { ...this.counters, entries: size, bytes };
  }

  /** Whether changes of a key are reported. @param key its bytes */
  covers(key: string): boolean {
    return this.optsIn || this.options.prefixes.some((prefix) => key.startsWith(prefix));
  }

  /**
   * Returns the reply to a read if one is kept that holds, and counts a hit.
   * @param prefix what precedes the key, as bytes
   * @param key as a caller gives it
   * @param maxAgeMs how old the reply may be
   */
  hit(prefix: string, key: Argument, signature: string, maxAgeMs: number): CacheEntry | undefined {
    const entry = this.entries.find(prefix, key, signature);
    if (entry === undefined) return undefined;
    const now = monotonicMs();
    this.lease.look(slotOf(entry), now, maxAgeMs);
    if (!this.lease.holds(entry, now)) return undefined;
    markUsed(entry);
    this.counters.hits++;
    this.checks.wanted = true;
    return entry;
  }

  /** Returns the replies to the same read of several keys, as `hit`, if all are kept, hold, and share a slot. */
  hitAll(
    prefix: string,
    keys: readonly Argument[],
    signature: string,
    maxAgeMs: number,
  ): unknown[] | undefined {
    const { entries, lease } = this;
    const now = monotonicMs();
    // a copy of the list has the length that is needed from the start
    const replies: unknown[] = keys.slice();
    let slot = -1;
    for (let i = 0; i < keys.length; i++) {
      const entry = entries.find(prefix, keys[i], signature);
      if (entry === undefined) return undefined;
      if (slot === -1) lease.look((slot = slotOf(entry)), now, maxAgeMs);
      if (slotOf(entry) !== slot || !lease.holds(entry, now)) return undefined;
      markUsed(entry);
      replies[i] = ownReply(entry);
    }
    this.counters.hits += keys.length;
    this.checks.wanted = true;
    return replies;
  }

  /** Counts a read that no kept reply answers, and drops what does not hold any more. @param key its bytes */
  missed(key: string, signature: string, maxAgeMs: number): void {
    this.checks.wanted = true;
    this.counters.misses++;
    const entry = this.entries.findBytes(key, signature);
    if (entry === undefined) return;
    const now = monotonicMs();
    this.lease.look(slotOf(entry), now);
    if (!this.lease.covers(entry) || now >= entry.expiresAt) this.entries.remove(key, entry);
    else if (now - entry.sentAt < maxAgeMs) this.counters.staleRefusals++;
  }

  /** Counts a read that waits for another. */
  countJoined(): void {
    this.counters.joined++;
  }

  /** Notes changes of a key from now on, for a read of it. Each call needs one of `unwatch`. */
  watch(key: string): KeyWatch {
    this.checks.start();
    let watch = this.watches.get(key);
    if (watch === undefined) this.watches.set(key, (watch = { reads: 0, changes: 0 }));
    watch.reads++;
    return watch;
  }

  unwatch(key: string): void {
    const watch = this.watches.get(key);
    if (watch !== undefined && --watch.reads === 0) this.watches.delete(key);
  }

  /** How often a slot has left its node. */
  movesOf(slot: number): number {
    return this.moves[slot];
  }

  /** Keeps what a read has brought, unless something has happened meanwhile. @param index which of its keys it is of */
  keep(fill: Fill, index: number, value: unknown, read: KeptRead, readsFields: boolean): void {
    const { arrival, slot } = fill;
    if (arrival === undefined || !fill.intact(index)) return;
    const { session, sentAt, ttls } = arrival;
    if (this.host.sessionOf(slot) !== session) return;
    const ttl = Number(ttls[index]);
    // without a right to PTTL nobody knows when the key expires
    if (!Number.isFinite(ttl)) return this.onRefused('PTTL', ttls[index] as ReplyError, session);
    if (ttl === -2 && !saysNothing(value)) return;
    const { key } = fill.keys[index];
    const { maxStaleMs, maxAgeMs } = this.options;
    const bytes = OVERHEAD_BYTES + bytesOfText(key) + bytesOfReply(value) + bytesOfText(read.signature);
    if (!this.entries.fits(bytes)) return this.report(session.node, 'a reply is larger than maxBytes');
    const lifetime = Math.min(
      ttl >= 0 ? ttl : Infinity,
      maxAgeMs,
      readsFields && session.fieldsExpire ? maxStaleMs : Infinity,
    );
    this.entries.put(key, {
      signature: read.signature,
      value,
      session,
      stay: this.lease.stayOf(session, slot),
      sentAt: Math.floor(sentAt),
      expiresAt: Math.floor(sentAt + lifetime),
      bytes,
      marks: marksOf(slot, key, value),
      next: undefined,
    });
    session.sample(read.name, read.args, bytes);
  }

  /** Drops a key, because this client writes it. @param key as it is sent */
  written(key: Argument): void {
    if (this.watches.size === 0 && !this.entries.has(key)) return;
    const bytes = bytesAsText(key);
    if (this.drop(bytes)) this.tell(bytes, undefined, 'write');
  }

  /** Drops everything. */
  clear(cause: 'clear' | 'write'): void {
    this.flushes++;
    this.entries.clear();
    this.tell(undefined, undefined, cause);
  }

  /** Follows a new snapshot: what came from a node that does not own the slot any more is dropped. */
  follow(before: ClusterTopology, now: ClusterTopology): void {
    let moved = false;
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (before.shardForSlot(slot)?.primary.name === now.shardForSlot(slot)?.primary.name) continue;
      this.left(slot);
      moved = true;
    }
    if (moved) this.sweepSoon();
  }

  /** Ends with the client. */
  stop(): void {
    this.checks.stop();
    this.entries.clear();
    this.invalidated$.complete();
  }

  /** A server refused a read. A user that has lost a right may see nothing any more. */
  refused({ code }: ReplyError): void {
    if (code !== 'NOPERM') return;
    this.flushes++;
    this.entries.clear();
    this.tell(undefined, undefined, 'flush');
  }

  onInvalidated(bytes: Buffer, { node }: CacheSession): void {
    const key = bytesAsText(bytes);
    if (!this.drop(key)) return;
    this.counters.invalidations++;
    this.tell(key, node, 'change');
  }

  onFlushed({ node }: CacheSession): void {
    this.flushes++;
    this.sweepSoon();
    this.tell(undefined, node, 'flush');
  }

  onViewed(session: CacheSession): void {
    this.checks.onViewed(session);
  }

  onRefused(what: string, error: ReplyError, { node }: CacheSession): void {
    this.report(node, `the user may not run ${what}`, error.code);
  }

  /** Reports once why something is not kept. */
  report(node: string, reason: string, code?: string): void {
    if (this.reported.has(reason)) return;
    this.reported.add(reason);
    this.host.onUnavailable(new CacheUnavailableError(node, reason, code), node);
  }

  private left(slot: number): void {
    this.moves[slot]++;
  }

  private drop(key: string): boolean {
    const watch = this.watches.get(key);
    if (watch !== undefined) watch.changes++;
    return this.entries.removeKey(key);
  }

  private sweepSoon(): void {
    if (this.sweeping) return;
    this.sweeping = true;
    setImmediate(() => {
      this.sweeping = false;
      const now = monotonicMs();
      this.entries.sweep((entry) => {
        this.lease.look(slotOf(entry), now);
        return !this.lease.covers(entry);
      });
    });
  }

  private tell(bytes: string | undefined, node: string | undefined, cause: CacheInvalidation['cause']): void {
    if (!this.invalidated$.observed) return;
    const key = bytes === undefined ? undefined : Buffer.from(bytes, 'latin1').toString();
    this.invalidated$.next({ key, node, cause });
  }
}
