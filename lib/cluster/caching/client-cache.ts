import { Subject } from 'rxjs';
import type { ResolvedCacheOptions } from '../options/cache-options.js';
import type { ReplyError } from '../common/errors.js';
import { monotonicMs, setImmediate } from '../common/timers.js';
import type { Argument } from '../protocol/request-encoder.js';
import type { CacheCounters } from '../stats/cache-counters.js';
import type { ClusterCacheStats } from '../stats/cluster-stats.js';
import { SLOT_COUNT } from '../topology/key-slot.js';
import type { ClusterTopology } from '../topology/topology.js';
import { CacheEntries, type CacheEntry } from './cache-entries.js';
import { bytesAsText } from './cache-key.js';
import type { CacheInvalidation } from './cache-invalidation.js';
import type { CacheSession, SessionListener } from './cache-session.js';
import { CacheUnavailableError } from './cache-unavailable-error.js';
import type { Fill, KeyWatch, WatchingCache } from './fill.js';
import { bytesOfReply, bytesOfText, saysNothing } from './kept-reply.js';
import { SessionChecks, type CheckedNodes } from './session-checks.js';

/** What a cache needs from the client. */
export interface CacheHost extends CheckedNodes {
  /** The connection to the primary of a slot, by the present topology; undefined if its server does not track. */
  sessionOf(slot: number): CacheSession | undefined;
  /** Called once for each reason. */
  onUnavailable(error: CacheUnavailableError, node: string): void;
}

/** The memory that an entry takes beside its key, its signature and its value. */
const OVERHEAD_BYTES = 210;

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
   * Returns the reply to a read if it still holds.
   * @param maxAgeMs how old it may be
   * @param now the time, for callers that have just read the clock
   */
  find(key: string, signature: string, maxAgeMs: number, now = monotonicMs()): CacheEntry | undefined {
    this.checks.wanted = true;
    const entry = this.entries.find(key, signature);
    if (entry !== undefined && this.holds(entry, maxAgeMs, now)) {
      entry.used = true;
      this.counters.hits++;
      return entry;
    }
    this.counters.misses++;
    return undefined;
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
    this.entries.put({
      key,
      signature: read.signature,
      slot,
      value,
      session,
      generation: session.generation,
      moves: this.moves[slot],
      sentAt: Math.floor(sentAt),
      expiresAt: Math.floor(sentAt + lifetime),
      bytes,
      used: false,
      next: undefined,
    });
    session.sample(read.name, read.args, bytes);
  }

  /** Drops a key, because this client writes it. @param key its bytes */
  written(key: string): void {
    if (this.drop(key)) this.tell(key, undefined, 'write');
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

  private holds(entry: CacheEntry, maxAgeMs: number, now: number): boolean {
    const { session, slot, sentAt } = entry;
    if (!this.isOfItsNode(entry) || now >= entry.expiresAt) {
      this.entries.remove(entry);
      return false;
    }
    if (now - sentAt >= maxAgeMs) return false;
    const { maxStaleMs } = this.options;
    if (now - sentAt <= maxStaleMs) return true;
    if (session.claims[slot] === 1 && now - session.certifiedAt <= maxStaleMs) return true;
    this.counters.staleRefusals++;
    return false;
  }

  private isOfItsNode({ session, generation, moves, slot }: CacheEntry): boolean {
    return (
      session.generation === generation && this.moves[slot] === moves && this.host.sessionOf(slot) === session
    );
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
      this.entries.sweep((entry) => !this.isOfItsNode(entry));
    });
  }

  private tell(bytes: string | undefined, node: string | undefined, cause: CacheInvalidation['cause']): void {
    if (!this.invalidated$.observed) return;
    const key = bytes === undefined ? undefined : Buffer.from(bytes, 'latin1').toString();
    this.invalidated$.next({ key, node, cause });
  }
}
