import { ReplyError } from '../../cluster/common/errors.js';
import { monotonicMs, setTimeout } from '../../cluster/common/timers.js';
import { fieldsOf, listOf } from '../../cluster/topology/reply-fields.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import type { ClusterNode, SlotRange } from '../../cluster/topology/topology.js';
import type { Word } from '../cluster-calls/admin-calls.js';
import { rangesOf } from '../cluster-calls/slot-words.js';
import { textOf } from './migration-plan.js';
import { SlotMigrationError } from './slot-migration-error.js';

/** A node as jobs name it. */
export type JobNode = Pick<ClusterNode, 'id' | 'name'>;

/** The owner of slots, and the node that receives them. */
interface JobRoute<N> {
  readonly from: N;
  readonly to: N;
}

/** Sends commands to one node, and to no other. */
export interface JobCalls<N> {
  /** Sends a command that may run twice. */
  repeatOnNode(node: N, name: string, words: readonly Word[]): Promise<Reply>;
  /** Sends a CLUSTER command once. */
  sendToNode(node: N, words: readonly Word[]): Promise<Reply>;
}

/** How servers that move slots in one step are told to do so. */
interface AtomicDialect {
  /** The node that has the jobs. */
  readonly host: keyof JobRoute<JobNode>;
  /** Lists the jobs of a node. */
  readonly list: readonly Word[];
  /** The names of a job's fields. */
  readonly fields: Readonly<Record<'id' | 'slots' | 'from' | 'to' | 'message', string>>;
  start(ranges: readonly SlotRange[], to: JobNode): Word[];
  cancel(id: string): Word[];
  /** Whether `cancel` ends all jobs of the node. */
  readonly cancelsAll: boolean;
  /** How the states in which a job does not run are called. */
  readonly ends: ReadonlyMap<string, JobEnd>;
}

/** `retrying`: it has failed, and the server is about to try again. */
type JobEnd = 'done' | 'failed' | 'retrying';

const DIALECTS: readonly AtomicDialect[] = [
  {
    // Valkey 9
    host: 'from',
    list: ['GETSLOTMIGRATIONS'],
    fields: { id: 'name', slots: 'slot_ranges', from: 'source_node', to: 'target_node', message: 'message' },
    start: (ranges, to) => ['MIGRATESLOTS', 'SLOTSRANGE', ...ranges.flat(), 'NODE', to.id],
    cancel: () => ['CANCELSLOTMIGRATIONS'],
    cancelsAll: true,
    ends: new Map([
      ['success', 'done'],
      ['failed', 'failed'],
      ['cancelled', 'failed'],
    ]),
  },
  {
    // Redis 8.4
    host: 'to',
    list: ['MIGRATION', 'STATUS', 'ALL'],
    fields: { id: 'id', slots: 'slots', from: 'source', to: 'dest', message: 'last_error' },
    start: (ranges) => ['MIGRATION', 'IMPORT', ...ranges.flat()],
    cancel: (id) => ['MIGRATION', 'CANCEL', 'ID', id],
    cancelsAll: false,
    ends: new Map([
      ['completed', 'done'],
      ['failed', 'retrying'],
      ['canceled', 'failed'],
    ]),
  },
];

/** A job that moves slots, as the node that has it reports it. */
interface Job {
  readonly id: string;
  readonly slots: readonly number[];
  readonly from: string;
  readonly to: string;
  /** `undefined` while it runs. */
  readonly end: JobEnd | undefined;
  readonly message: string;
  /** How often the server has tried again. */
  readonly retries: number;
}

const isUnderWay = ({ end }: Job): boolean => end === undefined || end === 'retrying';

/** How often a server may try again, and how long it may take to do so, in ms. */
const MOST_RETRIES = 3;
const RETRY_WAIT_MS = 10_000;
const SHORTEST_POLL_MS = 10;
const LONGEST_POLL_MS = 500;

/** Moves slots with all their keys in one step. The servers do the work, also if this process ends. */
export class AtomicJobs<N extends JobNode> {
  private constructor(
    private readonly calls: JobCalls<N>,
    private readonly route: JobRoute<N>,
    private readonly dialect: AtomicDialect,
  ) {}

  /** Returns undefined if one of the two nodes cannot do so. */
  static async between<N extends JobNode>(
    calls: JobCalls<N>,
    route: JobRoute<N>,
  ): Promise<AtomicJobs<N> | undefined> {
    for (const dialect of DIALECTS) {
      const known = await Promise.all([route.from, route.to].map((node) => knows(calls, node, dialect.list)));
      if (known.every(Boolean)) return new AtomicJobs(calls, route, dialect);
    }
    return undefined;
  }

  /**
   * Moves slots, and waits until they have moved. If a job for some of them runs already, waits for that instead.
   * @returns the slots of the job
   * @throws SlotMigrationError; the signal's reason, when the job has been canceled
   */
  async move(slots: readonly number[], signal: AbortSignal | undefined): Promise<readonly number[]> {
    const { from, to } = this.route;
    const before = await this.list();
    const running = before.filter(isUnderWay);
    const conflict = running.filter(
      (job) => job.to !== to.id && job.slots.some((slot) => slots.includes(slot)),
    );
    if (conflict.length > 0) {
      const taken = conflict.flatMap((job) => job.slots);
      const message = `Slots ${textOf(taken)} are on their way from ${from.name} to another node than ${to.name}`;
      throw new SlotMigrationError('SLOT_IN_MIGRATION', `${message}. Wait for that migration`, taken);
    }
    let job = running.find((each) => each.slots.some((slot) => slots.includes(slot)));
    if (job === undefined) {
      await this.calls.sendToNode(this.route[this.dialect.host], this.dialect.start(rangesOf(slots), to));
      const old = new Set(before.map(({ id }) => id));
      job = (await this.list()).find(
        (each) => !old.has(each.id) && each.to === to.id && each.slots[0] === slots[0],
      );
    }
    if (job === undefined) throw this.failed(slots, 'the node does not report the migration');
    return this.untilDone(job, signal);
  }

  private async untilDone(job: Job, signal: AbortSignal | undefined): Promise<readonly number[]> {
    let state: Job | undefined = job;
    let failingSince: number | undefined;
    for (let pauseMs = SHORTEST_POLL_MS; ; pauseMs = Math.min(LONGEST_POLL_MS, pauseMs * 2)) {
      if (state === undefined) throw this.failed(job.slots, 'the node no longer reports the migration');
      if (state.end === 'done') return job.slots;
      if (state.end === 'failed') throw this.failed(job.slots, state.message || 'the migration was canceled');
      failingSince = state.end === 'retrying' ? (failingSince ?? monotonicMs()) : undefined;
      const failedMs = failingSince === undefined ? 0 : monotonicMs() - failingSince;
      if (failedMs > 0 && (state.retries >= MOST_RETRIES || failedMs > RETRY_WAIT_MS)) {
        await this.cancel(job);
        throw this.failed(job.slots, state.message);
      }
      if (signal?.aborted) {
        await this.cancel(job);
        throw signal.reason;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      state = (await this.list()).find(({ id }) => id === job.id);
    }
  }

  /** Cancels a job, unless that would end jobs of others too: then the servers finish it. */
  private async cancel({ id }: Job): Promise<void> {
    const running = (await this.list()).filter(isUnderWay);
    if (this.dialect.cancelsAll && running.some((job) => job.id !== id)) return;
    if (running.some((job) => job.id === id))
      await this.calls.sendToNode(this.route[this.dialect.host], this.dialect.cancel(id));
  }

  /** The jobs between the two nodes, and those of the owner to other nodes. */
  private async list(): Promise<Job[]> {
    const { host, list } = this.dialect;
    const reply = await this.calls.repeatOnNode(this.route[host], 'cluster', list);
    return listOf(reply)
      .map((each) => jobOf(each, this.dialect))
      .filter(({ from }) => from === this.route.from.id);
  }

  private failed(slots: readonly number[], message: string): SlotMigrationError {
    const { from, to } = this.route;
    const text = `Slots ${textOf(slots)} did not move from ${from.name} to ${to.name}: ${message}`;
    return new SlotMigrationError('SLOT_MIGRATION_FAILED', text, slots);
  }
}

async function knows<N>(calls: JobCalls<N>, node: N, list: readonly Word[]): Promise<boolean> {
  try {
    await calls.repeatOnNode(node, 'cluster', list);
    return true;
  } catch (error) {
    if (isUnknownSubcommand(error)) return false;
    throw error;
  }
}

/** Whether a server does not know a command of the container CLUSTER. */
export function isUnknownSubcommand(error: unknown): boolean {
  return error instanceof ReplyError && /unknown (sub)?command/i.test(error.message);
}

function jobOf(reply: Reply, { fields: names, ends }: AtomicDialect): Job {
  const fields = fieldsOf(reply);
  const text = (name: string): string => String(fields.get(name) ?? '');
  return {
    id: text(names.id),
    slots: text(names.slots)
      .split(/[\s,]+/)
      .filter((range) => range !== '')
      .flatMap((range) => {
        const [first, last = first] = range.split('-').map(Number);
        return Array.from({ length: last - first + 1 }, (_, i) => first + i);
      }),
    from: text(names.from),
    to: text(names.to),
    end: ends.get(text('state')),
    message: text(names.message),
    retries: Number(fields.get('retries') ?? 0),
  };
}
