import { setTimeout as delay } from 'node:timers/promises';
import { keySlot } from 'keyslot';
import { RecordedCalls } from './histories/recorded-calls.js';
import { Latencies } from './latencies.js';
import { Oracle, type Attempt } from './oracle.js';
import type { Session } from './session.js';
import type { Shards } from './shards.js';
import { Timeline } from './timeline.js';

/** How much is called at a time, and from where. */
export interface LoadOptions {
  /** Callers of each shard. Default 6. */
  readonly callers?: number;
  /** Callers of pipelines over all shards. Default 2. */
  readonly pipelines?: number;
  /** Pause of a caller after every call, in ms: the cores are for the servers too. Default 8. */
  readonly pauseMs?: number;
  /** Only keys of these slots. */
  readonly slots?: readonly number[];
}

const TAGS = 32;
const BURST = 5;
const HUNG = { code: 'HUNG', applied: 'unknown' } as const;
let loads = 0;

type Call = (tag: string, number: number) => Promise<unknown>;

/**
 * Callers of every kind. Those of one shard call that shard only, so that whoever waits for a sick shard does not
 * keep the others from being called. Each tells the oracle what it was answered.
 */
export class Load {
  readonly oracle = new Oracle();
  /** Calls with their replies, for the checker of histories. */
  readonly recorded: RecordedCalls;
  /** Failed calls by their code. */
  readonly errors = new Map<string, number>();
  /** Of what may always be repeated: no client has a reason for these. */
  repeatableErrors = 0;
  /** Calls that were answered, by shard. */
  readonly timelines: readonly Timeline[];
  readonly latencies: readonly Latencies[];
  /** Calls that were answered, in one way or another. */
  calls = 0;
  /** Answered by success, by shard. */
  readonly successes: number[];
  private running = true;
  private started = 0;
  private written = 0;
  private readonly name = `load${process.pid}x${loads++}`;
  private readonly tags: readonly (readonly string[])[];
  private readonly callers: Promise<void>[] = [];

  constructor(
    private readonly session: Session,
    shards: Shards,
    begin: number,
    { callers = 6, pipelines = 2, pauseMs = 8, slots = [] }: LoadOptions = {},
  ) {
    this.recorded = new RecordedCalls((error) => session.failure(error));
    const among = new Set(slots);
    this.tags = shards.slots.map((own, shard) =>
      among.size > 0 && !own.some((slot) => among.has(slot)) ? [] : shards.tags(shard, TAGS, among),
    );
    this.timelines = shards.slots.map(() => new Timeline(begin));
    this.latencies = shards.slots.map(() => new Latencies());
    this.successes = shards.slots.map(() => 0);
    for (const [shard, tags] of this.tags.entries()) {
      if (tags.length === 0) continue;
      for (let i = 0; i < callers; i++) this.callers.push(this.keepCalling(shard, i, pauseMs));
    }
    for (let i = 0; i < pipelines; i++) this.callers.push(this.keepPiping(pauseMs));
  }

  /** Increments of keys of their own, so far. */
  get increments(): number {
    return this.oracle.attempts.length;
  }

  /** Shards that are called. */
  get shardsInUse(): number[] {
    return this.tags.flatMap((tags, shard) => (tags.length > 0 ? [shard] : []));
  }

  /** The slots of each shard that the calls use. */
  get slotsInUse(): (readonly number[])[] {
    return this.tags.map((tags) => tags.map((tag) => keySlot(tag)));
  }

  /** A hash tag of each shard that the calls use. */
  get tagsInUse(): string[] {
    return this.tags.flatMap((tags) => tags.slice(0, 1));
  }

  /** Ends the calls. Those that are not answered within a time no sane call takes count as hung. */
  async stop(patienceMs = 20_000): Promise<void> {
    this.running = false;
    const ended = Promise.all(this.callers).then(() => true);
    if (await Promise.race([ended, delay(patienceMs, false, { ref: false })])) return;
    const hung = this.oracle.attempts.filter(({ failure }) => failure === PENDING);
    for (const attempt of hung) attempt.failure = HUNG;
    this.errors.set(HUNG.code, Math.max(1, hung.length));
  }

  /** Ends the timelines. */
  end(): void {
    for (const shard of this.shardsInUse) this.timelines[shard].end();
  }

  private readonly kinds: readonly Call[] = [
    (tag) => this.read(tag),
    (tag) => this.increment(tag, (key) => this.session.increment(key)),
    (tag) => this.write(tag),
    (tag) => this.increment(tag, (key) => this.session.transaction(key)),
    (tag) => this.incrementShared(`${tag}${this.name}:shared`),
    (tag) => this.increment(tag, (key) => this.session.script(key)),
    (tag) => this.read(tag),
    (tag, number) => this.appendBurst(tag, number),
  ];
  private static readonly REPEATABLE: ReadonlySet<number> = new Set([0, 2, 6]);

  private async keepCalling(shard: number, caller: number, pauseMs: number): Promise<void> {
    const tags = this.tags[shard];
    const own = `${tags[caller % tags.length]}${this.name}:order:${caller}`;
    for (let number = caller; this.running; number++) {
      const kind = number % this.kinds.length;
      const tag = kind === this.kinds.length - 1 ? own : tags[number % tags.length];
      await this.timed(shard, () => this.kinds[kind](tag, number), Load.REPEATABLE.has(kind));
      await delay(pauseMs);
    }
  }

  private async keepPiping(pauseMs: number): Promise<void> {
    const used = this.shardsInUse;
    while (this.running) {
      const attempts = Array.from({ length: 12 }, () => {
        const tags = this.tags[used[this.started % used.length]];
        return this.attempt(tags[this.started % tags.length]);
      });
      const keys = attempts.map(({ key }) => key);
      const errors = await this.session.pipeline(keys).catch((error: unknown) => keys.map(() => error));
      for (const [i, attempt] of attempts.entries()) this.settle(attempt, errors[i]);
      this.calls += keys.length;
      await delay(pauseMs);
    }
  }

  /** One call, with its duration and its error in the books. */
  private async timed(shard: number, call: () => Promise<unknown>, repeatable: boolean): Promise<void> {
    const startedAt = performance.now();
    try {
      await call();
      this.timelines[shard].success();
      this.successes[shard]++;
    } catch (error) {
      this.count(this.session.failure(error).code);
      if (repeatable) this.repeatableErrors++;
    }
    this.latencies[shard].add(performance.now() - startedAt);
    this.calls++;
  }

  private attempt(tag: string): Attempt {
    const attempt: Attempt = { key: `${tag}${this.name}:${this.started++}`, failure: PENDING };
    this.oracle.attempts.push(attempt);
    return attempt;
  }

  private settle(attempt: Attempt, error: unknown): void {
    attempt.failure = error === undefined ? undefined : this.session.failure(error);
    if (attempt.failure !== undefined) this.count(attempt.failure.code);
  }

  private read(tag: string): Promise<unknown> {
    const key = this.textKey(tag);
    return this.recorded.record('get', key, '', () => this.session.get(key));
  }

  private write(tag: string): Promise<unknown> {
    const [key, text] = [this.textKey(tag), `v${this.written++}`];
    return this.recorded.record('set', key, text, () => this.session.set(key, text));
  }

  private textKey(tag: string): string {
    return `${tag}${this.name}:text`;
  }

  private async increment(tag: string, call: (key: string) => Promise<unknown>): Promise<void> {
    const attempt = this.attempt(tag);
    const { key } = attempt;
    try {
      await this.recorded.record('increment', key, '', () => call(key));
      attempt.failure = undefined;
    } catch (error) {
      attempt.failure = this.session.failure(error);
      throw error;
    }
  }

  private async incrementShared(key: string): Promise<void> {
    const count = this.oracle.shared.get(key) ?? { answered: 0, unknown: 0 };
    this.oracle.shared.set(key, count);
    count.unknown++;
    try {
      await this.recorded.record('increment', key, '', () => this.session.increment(key));
      count.unknown--;
      count.answered++;
    } catch (error) {
      if (this.session.failure(error).applied === false) count.unknown--;
      throw error;
    }
  }

  /** Several at once: they are to arrive in the order of the calls. */
  private async appendBurst(key: string, from: number): Promise<void> {
    const sequence = this.oracle.sequences.get(key) ?? { answered: new Set<number>() };
    this.oracle.sequences.set(key, sequence);
    const numbers = Array.from({ length: BURST }, (_, i) => from * BURST + i);
    const results = await Promise.allSettled(
      numbers.map((number) =>
        this.recorded
          .record('append', key, String(number), () => this.session.append(key, String(number)))
          .then(() => sequence.answered.add(number)),
      ),
    );
    const failures = results.filter((result) => result.status === 'rejected');
    for (const { reason } of failures.slice(1)) this.count(this.session.failure(reason).code);
    if (failures.length > 0) throw failures[0].reason;
  }

  private count(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }
}

const PENDING = { code: 'PENDING', applied: 'unknown' } as const;
