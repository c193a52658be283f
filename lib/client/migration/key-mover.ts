import { CallLimit } from '../../cluster/command/call-limit.js';
import { ReplyError, UnsupportedServerFeatureError } from '../../cluster/common/errors.js';
import { monotonicMs } from '../../cluster/common/timers.js';
import type { Credentials } from '../../cluster/options/credentials.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import { retryUntil } from '../../cluster/retry/retry-until.js';
import type { ClusterNode, NodeAddress } from '../../cluster/topology/topology.js';
import type { AdminCalls, Word } from '../cluster-calls/admin-calls.js';
import { assign, type Route } from './agreement.js';
import { givesElsewhere, refuseLost, refuseTaken } from './migration-plan.js';
import { owns, readNode, type Primary } from './primaries.js';

/** How many slots without keys move at a time. */
const EMPTY_SLOTS = 64;
/** Keys of one MIGRATE, during which both servers do nothing else. */
const MOST_KEYS = 500;
const FIRST_KEYS = 10;
/** A MIGRATE that takes less moves more keys the next time, and one that takes longer fewer; ms. */
const QUICK_MS = 5;
const SLOW_MS = 20;
/** How long credentials of the provider are used before it is called again, in ms. */
const CREDENTIALS_MS = 60_000;

/** What moves keys from one node to another. */
export interface KeyMoverOptions {
  /** The address of the receiver, as the owner knows it. */
  readonly destination: NodeAddress;
  /** The other primaries, which are told of the new owner. */
  readonly others: readonly ClusterNode[];
  /** The database that this client uses on both nodes. */
  readonly database: number;
  readonly credentials: () => Promise<Credentials | undefined>;
  /** How long one MIGRATE may wait for the receiver, in ms. */
  readonly timeoutMs: number;
  /** How long a call may take, in ms. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  /** Called after each step. */
  readonly onMoved: (slots: number, keys: number) => Promise<void>;
}

/**
 * Moves slots by SETSLOT and MIGRATE. Each step may be repeated, so a run that ended anywhere is continued by the next.
 *
 * @see {@link https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#live-resharding | Redis Cluster specification, live resharding}
 */
export class KeyMover {
  private keysPerStep = FIRST_KEYS;
  private auth: Promise<Word[]> | undefined = undefined;
  private authUntil = 0;

  constructor(
    private readonly calls: AdminCalls,
    private readonly route: Route,
    private readonly options: KeyMoverOptions,
  ) {}

  /** @param counts how many keys each slot had a moment ago */
  async move(slots: readonly number[], counts: ReadonlyMap<number, number>): Promise<void> {
    await this.refuseOtherDatabases();
    const empty = slots.filter((slot) => counts.get(slot) === 0);
    for (let at = 0; at < empty.length; at += EMPTY_SLOTS)
      await this.moveTogether(empty.slice(at, at + EMPTY_SLOTS));
    // calls with several keys have to wait while some of them have moved: one slot at a time
    for (const slot of slots) if (counts.get(slot) !== 0) await this.moveTogether([slot]);
  }

  /** The keys of other databases would be lost: only those of this client's database can be listed. */
  private async refuseOtherDatabases(): Promise<void> {
    const { from } = this.route;
    const keyspace = String(await this.calls.repeatOnNode(from, 'info', ['keyspace']));
    const databases = [...keyspace.matchAll(/^db(\d+):/gm)].map(([, number]) => Number(number));
    if (databases.every((number) => number === this.options.database)) return;
    throw new UnsupportedServerFeatureError(
      `Moving slots of ${from.name} key by key`,
      'all keys of the node in the database of this client, as it cannot see the others',
    );
  }

  private async moveTogether(slots: readonly number[]): Promise<void> {
    const { from, to } = this.route;
    const { others, signal, onMoved } = this.options;
    signal?.throwIfAborted();
    const left = await this.begin(slots);
    for (const slot of left) await this.moveKeys(slot);
    // the new owner first: until it knows, the old one would redirect to a node that redirects back
    await this.setSlots(to, left, 'NODE', to.id);
    await Promise.all([from, ...others].map((node) => assign(this.calls, node, left, to.id)));
    await onMoved(slots.length, 0);
  }

  /**
   * Marks slots as moving. If somebody else moves one by now, the two would take keys apart, and lose some.
   * @returns the slots that have not arrived by now
   * @throws SlotMigrationError for a slot that moves to another node, or has left; its migration is not disturbed
   */
  private async begin(slots: readonly number[]): Promise<readonly number[]> {
    const { calls } = this;
    const { from, to } = this.route;
    const view = await readNode(calls, from);
    const left = slots.filter((slot) => !owns(view.seen.get(to.id), slot));
    const lostIn = ({ self }: Primary): number[] => left.filter((slot) => !owns(self, slot));
    const takenIn = (owner: Primary): number[] =>
      left.filter((slot) => givesElsewhere(owner, slot, to.id, owner.seen));
    refuseLost(lostIn(view), from);
    refuseTaken(takenIn(view), to);
    // this order: a redirect must lead to a node that accepts it
    await this.setSlots(to, left, 'IMPORTING', from.id);
    // in one piece: of two migrations that begin at once, the second sees the first
    const [before, marked] = await Promise.allSettled([
      readNode(calls, from),
      this.setSlots(from, left, 'MIGRATING', to.id),
    ]);
    if (before.status === 'rejected') throw before.reason;
    const [lost, taken] = [lostIn(before.value), takenIn(before.value)];
    await this.leave([...lost, ...taken], before.value);
    refuseLost(lost, from);
    refuseTaken(taken, to);
    if (marked.status === 'rejected') throw marked.reason;
    return left;
  }

  /** Leaves slots to the migration that was first. */
  private async leave(slots: readonly number[], { self }: Primary): Promise<void> {
    const { from, to } = this.route;
    const undo = async (slot: number): Promise<void> => {
      const receiver = self.migrating.get(slot);
      // refused if the slot has left in the meantime
      if (receiver !== undefined) await this.setSlots(from, [slot], 'MIGRATING', receiver).catch(() => {});
      const held = await this.calls.repeatOnNode(to, 'cluster', ['COUNTKEYSINSLOT', slot]);
      if (held === 0) await this.calls.repeatOnNode(to, 'cluster', ['SETSLOT', slot, 'STABLE']);
    };
    await Promise.all(slots.map(undo));
  }

  private async moveKeys(slot: number): Promise<void> {
    for (;;) {
      const words = ['GETKEYSINSLOT', slot, this.keysPerStep];
      const keys = await this.calls.repeatOnNode(this.route.from, 'cluster', words, { buffers: true });
      if (!Array.isArray(keys) || keys.length === 0) return;
      this.options.signal?.throwIfAborted();
      const begun = monotonicMs();
      await this.migrate(keys as Buffer[]);
      const took = monotonicMs() - begun;
      if (took < QUICK_MS) this.keysPerStep = Math.min(MOST_KEYS, this.keysPerStep * 2);
      if (took > SLOW_MS) this.keysPerStep = Math.max(1, this.keysPerStep >> 1);
      await this.options.onMoved(0, keys.length);
    }
  }

  private migrate(keys: readonly Buffer[]): Promise<Reply> {
    const { destination, database, timeoutMs, deadlineMs } = this.options;
    return retryUntil<Reply>(
      new CallLimit('migrate', deadlineMs, undefined),
      async () => {
        const address = [destination.host, destination.port, '', database, timeoutMs, 'REPLACE'];
        // keys that are on both nodes are current at the owner, as it alone is written to while it has them
        const words: Word[] = [...address, ...(await this.authWords()), 'KEYS', ...keys];
        try {
          const limits = { deadlineMs: timeoutMs + deadlineMs };
          return { result: await this.calls.repeatOnNode(this.route.from, 'migrate', words, limits) };
        } catch (error) {
          if (!(error instanceof ReplyError)) throw error;
          this.auth = undefined;
          if (error.code !== 'IOERR') throw error;
          return { lastError: error };
        }
      },
      (lastError) => lastError ?? new ReplyError('IOERR the nodes could not exchange keys'),
    );
  }

  /** Returns the words by which the owner authenticates at the receiver. Servers keep them out of their logs. */
  private authWords(): Promise<Word[]> {
    if (this.auth === undefined || monotonicMs() > this.authUntil) {
      this.authUntil = monotonicMs() + CREDENTIALS_MS;
      this.auth = this.options.credentials().then((credentials): Word[] => {
        if (credentials === undefined) return [];
        const { username, password } = credentials;
        return username === undefined ? ['AUTH', password] : ['AUTH2', username, password];
      });
    }
    return this.auth;
  }

  private async setSlots(
    node: ClusterNode,
    slots: readonly number[],
    state: string,
    other: string,
  ): Promise<void> {
    await Promise.all(
      slots.map((slot) => this.calls.repeatOnNode(node, 'cluster', ['SETSLOT', slot, state, other])),
    );
  }
}
