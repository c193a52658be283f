import { bytesAsText, signatureOf } from './caching/cache-key.js';
import { CachedBatchedRead, CachedRead } from './caching/cached-read.js';
import { ownReply, type CacheEntry } from './caching/cache-entries.js';
import type { ClientCache, KeptRead } from './caching/client-cache.js';
import { Fill } from './caching/fill.js';
import { copyOfReply } from './caching/kept-reply.js';
import type { CommandIntake } from './command-intake.js';
import type { CommandResolver } from './command-resolver.js';
import { cacheableKey, readsFields } from './command-table/cacheable-commands.js';
import type { BatchEntry } from './batch/sent-batch.js';
import type { CallPolicy, CallShape } from './command/call-policy.js';
import type { ResolvedCall } from './command/resolved-call.js';
import { ReplyError } from './common/errors.js';
import { monotonicMs } from './common/timers.js';
import type { Argument } from './protocol/request-encoder.js';

/** What runs the calls that are not answered from memory; a `CommandRunner` does. */
export interface UncachedCalls {
  run(name: string, args: Argument[], policy: CallPolicy, shape: CallShape): Promise<unknown>;
  traced<P extends CallPolicy, T>(
    call: ResolvedCall,
    kind: 'single',
    policy: P,
    run: (policy: P) => Promise<T>,
  ): Promise<T>;
}

/** A read that is under way, which other callers may wait for. */
interface Flight {
  readonly fill: Fill;
  readonly policy: CallPolicy;
  readonly startedAt: number;
  readonly reply: Promise<unknown>;
}

/** MGET: what it returns for a key is what GET returns, unless the key holds another type. */
const MGET = 'mget';
/** The arguments of a GET, as far as they tell it from other reads of its key. */
const ONE_KEY: readonly string[] = [''];
/** What PTTL replies if there is no such key. */
const MISSING = -2;

/** Reads that are answered from memory if what is kept holds, and whose replies are kept otherwise. */
export class CachedCalls {
  private readonly flights = new Map<string, Flight>();
  /** What precedes the keys of callers, as bytes. */
  private readonly prefix: string;

  constructor(
    readonly cache: ClientCache,
    private readonly calls: UncachedCalls,
    private readonly resolver: CommandResolver,
    private readonly intake: CommandIntake,
  ) {
    this.prefix = cache.options.keyPrefix;
  }

  /**
   * Runs one command, from memory if it is a read of one key that is kept.
   * @param maxAgeMs how old a kept reply may be
   */
  run(
    name: string,
    args: Argument[],
    policy: CallPolicy,
    shape: CallShape,
    maxAgeMs: number,
  ): Promise<unknown> {
    if (policy.signal?.aborted) return this.calls.run(name, args, policy, shape);
    const row = this.resolver.table.lookup(name, args);
    if (row?.name === MGET) return this.runMget(args, policy, shape, maxAgeMs);
    const at = row === undefined ? -1 : cacheableKey(row, args);
    if (row === undefined || at === -1) return this.calls.run(name, args, policy, shape);
    const signature = signatureOf(row.name, args, at, shape);
    const kept = this.cache.hit(this.prefix, args[at], signature, maxAgeMs);
    if (kept !== undefined) return Promise.resolve(ownReply(kept));
    const key = this.prefix + bytesAsText(args[at]);
    if (!this.cache.covers(key)) return this.calls.run(name, args, policy, shape);
    this.cache.missed(key, signature, maxAgeMs);
    const run = (): Promise<unknown> => this.fetch(key, signature, name, args, policy, shape);
    const flight = this.flights.get(`${signature} ${key}`);
    if (flight === undefined || !this.mayJoin(flight, policy, maxAgeMs)) return run();
    this.cache.countJoined();
    return flight.reply.then(copyOfReply, (error: unknown) => {
      // an error of the server is the answer; any other is that of the caller who was first
      if (error instanceof ReplyError) throw error;
      return run();
    });
  }

  /**
   * Returns the reply of HGETALL that is kept for a key, and undefined if none is. Counts only hits. The caller must not
   * change it.
   */
  keptHash(key: string, shape: CallShape, maxAgeMs: number): unknown {
    return this.cache.hit(this.prefix, key, signatureOf('hgetall', [key], 0, shape), maxAgeMs)?.value;
  }

  /** Returns the kept reply to a command of a pipeline; undefined if none is kept. Counts only hits. */
  keptFor({ call, shape }: BatchEntry, maxAgeMs: number): CacheEntry | undefined {
    const { row, args } = call;
    const at = cacheableKey(row, args);
    if (at === -1) return undefined;
    return this.cache.hit('', args[at], signatureOf(row.name, args, at, shape), maxAgeMs);
  }

  /** Returns an entry of a pipeline in a form that keeps its reply, if it is one that can be kept. */
  keeping(entry: BatchEntry, policy: CallPolicy, maxAgeMs: number): BatchEntry {
    const { call, shape } = entry;
    const { row, args } = call;
    const at = cacheableKey(row, args);
    if (at === -1) return entry;
    const key = bytesAsText(args[at]);
    if (!this.cache.covers(key)) return entry;
    const signature = signatureOf(row.name, args, at, shape);
    this.cache.missed(key, signature, maxAgeMs);
    const read: KeptRead = { signature, name: call.name, args };
    const fill = new Fill(this.cache, call.slot, [{ argument: args[at], key }]);
    return new CachedBatchedRead(call, shape, policy, fill, (filled, value) =>
      this.cache.keep(filled, 0, value, read, readsFields(row)),
    );
  }

  /** The caller gets what it would get itself, no older than a hit would be. */
  private mayJoin({ fill, policy, startedAt }: Flight, own: CallPolicy, maxAgeMs: number): boolean {
    return (
      policy === own &&
      own.signal === undefined &&
      fill.intact() &&
      monotonicMs() - startedAt <= Math.min(this.cache.options.maxStaleMs, maxAgeMs)
    );
  }

  private fetch(
    key: string,
    signature: string,
    name: string,
    args: Argument[],
    policy: CallPolicy,
    shape: CallShape,
  ): Promise<unknown> {
    let call: ResolvedCall;
    try {
      call = this.resolver.resolve(name, [...args]);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const at = cacheableKey(call.row, call.args);
    const read: KeptRead = { signature, name: call.name, args: call.args };
    const fill = new Fill(this.cache, call.slot, [{ argument: call.args[at], key }]);
    const reply = this.send(call, policy, shape, fill, (filled, value) =>
      this.cache.keep(filled, 0, value, read, readsFields(call.row)),
    );
    const flightKey = `${signature} ${key}`;
    const flight: Flight = { fill, policy, startedAt: monotonicMs(), reply };
    this.flights.set(flightKey, flight);
    const landed = (): void => {
      if (this.flights.get(flightKey) === flight) this.flights.delete(flightKey);
    };
    reply.then(landed, landed);
    return reply.then(copyOfReply);
  }

  /** MGET: if every value is kept, nothing else has to be done. */
  private runMget(
    args: Argument[],
    policy: CallPolicy,
    shape: CallShape,
    maxAgeMs: number,
  ): Promise<unknown> {
    const signature = signatureOf('get', ONE_KEY, 0, shape);
    const kept = args.length > 0 ? this.cache.hitAll(this.prefix, args, signature, maxAgeMs) : undefined;
    return kept === undefined
      ? this.fetchRest(args, policy, shape, signature, maxAgeMs)
      : Promise.resolve(kept);
  }

  /** MGET: what is kept comes from memory, and one MGET reads the rest. */
  private async fetchRest(
    args: Argument[],
    policy: CallPolicy,
    shape: CallShape,
    signature: string,
    maxAgeMs: number,
  ): Promise<unknown> {
    const { cache, prefix } = this;
    const keys = args.map((argument) => prefix + bytesAsText(argument));
    if (keys.length === 0 || !keys.every((key) => cache.covers(key)))
      return this.calls.run(MGET, args, policy, shape);
    const kept = args.map((argument, i) => {
      const entry = cache.hit(prefix, argument, signature, maxAgeMs);
      if (entry === undefined) cache.missed(keys[i], signature, maxAgeMs);
      return entry;
    });
    // rejects keys of several slots, whatever is kept
    this.resolver.resolve(MGET, [...args]);
    const missing = args.filter((_, index) => kept[index] === undefined);
    if (missing.length === 0) return kept.map((entry) => entry && ownReply(entry));
    const call = this.resolver.resolve(MGET, missing);
    const fillKeys = call.args.map((argument) => ({ argument, key: bytesAsText(argument) }));
    const fill = new Fill(cache, call.slot, fillKeys);
    const replies = (await this.send(call, policy, shape, fill, (filled, found) =>
      this.keepAll(filled, found, signature),
    )) as unknown[];
    const fetched = replies.map(copyOfReply).values();
    return kept.map((entry) => (entry === undefined ? fetched.next().value : ownReply(entry)));
  }

  private keepAll(fill: Fill, values: unknown, signature: string): void {
    if (!Array.isArray(values)) return;
    for (const [index, value] of values.entries()) {
      // MGET has no value for a key of another type, for which GET has an error
      if (value === null && Number(fill.arrival?.ttls[index]) !== MISSING) continue;
      const read: KeptRead = { signature, name: MGET, args: [fill.keys[index].argument] };
      this.cache.keep(fill, index, value, read, false);
    }
  }

  private send(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    fill: Fill,
    keep: (fill: Fill, value: unknown) => void,
  ): Promise<unknown> {
    return this.calls.traced(
      call,
      'single',
      policy,
      (followed) =>
        new Promise((resolve) =>
          this.intake.submit(new CachedRead(call, followed, shape, resolve, fill, keep)),
        ),
    );
  }
}
