import type { CacheSession } from '../caching/cache-session.js';
import type { ClientCache } from '../caching/client-cache.js';
import { backoffMs } from '../retry/backoff.js';
import type { Command, CommandRouter } from '../command/command.js';
import { PendingBudget } from '../command/pending-budget.js';
import { ClientClosedError, ConnectionError } from '../common/errors.js';
import { clearTimeout, setTimeout } from '../common/timers.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { Reply } from '../protocol/reply.js';
import type { NodeCounters } from '../stats/node-counters.js';
import { isOther, wrongNode } from '../topology/node-identity.js';
import { nodeName, type ClusterNode, type NodeAddress } from '../topology/topology.js';
import type { ChannelState } from './channel-state.js';
import { Connection } from './connection.js';
import { probeSilentConnection } from './connection-probe.js';
import { establishConnection } from './establish-connection.js';
import type { FlushScheduler } from './flush-scheduler.js';
import { PendingCommands } from './pending-commands.js';
import { ReplicaReads } from './replica-reads.js';

/** The owner of channels, which takes back the commands that they cannot send. */
export interface ChannelOwner extends CommandRouter {
  /** The connection was lost, or could not be opened. */
  channelLost(channel: NodeChannel): void;
  readonly cache: ClientCache | undefined;
  /** Takes back commands that were not sent. @param error why there is no connection for them, if there is none */
  unsent(commands: readonly Command[], error?: Error): void;
  readonly retryQueue: { keepFollowers(commands: readonly Command[]): readonly Command[] };
}

/** The shortest time between two renewals of a connection, in ms. */
const RENEWAL_MS = 1_000;

/** The way to one node: what waits for it, and its connection. It connects for as long as something waits. */
export class NodeChannel {
  readonly name: string;
  readonly budget: PendingBudget;
  /** It is in the scheduler's list of channels to flush. */
  dirty = false;
  /** It was silent. Nothing is sent before the other nodes were asked whether it still has its slots; see `Liveness`. */
  unconfirmed = false;
  /** Why the last connection could not be opened, or ended. */
  lastFailure: Error | undefined = undefined;
  /** That of the present connection, or of the last one. */
  session: CacheSession | undefined = undefined;
  private phase: ChannelState = 'idle';
  private connection: Connection | undefined = undefined;
  private replacement: Connection | undefined = undefined;
  private readonly pending = new PendingCommands();
  private failures = 0;
  private readonly replicaReads = new ReplicaReads((name) => this.control(name));
  private backoffTimer?: NodeJS.Timeout;
  private draining = false;
  private renewedAt = -Infinity;
  private opening: Promise<void> | undefined = undefined;

  constructor(
    readonly address: NodeAddress,
    readonly router: ChannelOwner,
    private readonly options: ResolvedClusterOptions,
    private readonly scheduler: FlushScheduler,
    readonly counters: NodeCounters,
    /** The node that is known at this address, if one is. */
    private readonly known: () => ClusterNode | undefined = () => undefined,
  ) {
    this.name = nodeName(address);
    this.budget = new PendingBudget(this.name, options.maxPendingPerNode, counters, (one) =>
      router.unsent([one]),
    );
  }

  get state(): ChannelState {
    return this.phase;
  }

  /** The id of the node that answers; undefined without a connection, or if the server does not report it. */
  get nodeId(): string | undefined {
    return this.connection && (this.connection.identity ?? this.known()?.id);
  }

  /** Commands are in flight, and nothing has arrived for longer than `replyTimeoutMs`. */
  get suspected(): boolean {
    if (this.connection === undefined || this.inFlightCount === 0) return false;
    return this.scheduler.now() - this.connection.silentSince > this.options.replyTimeoutMs;
  }

  /** The last connection did not fail, and no reply is overdue. */
  get fit(): boolean {
    return this.phase !== 'backoff' && !this.suspected;
  }

  /** An attempt to connect again has failed, or a reply is overdue. */
  get outOfReach(): boolean {
    return this.failures > 1 || this.suspected;
  }

  get inFlightCount(): number {
    return this.connection?.inFlightCount ?? 0;
  }

  /** The commands in flight, oldest first. */
  inFlight(): Iterable<Command> {
    return this.connection?.inFlight() ?? [];
  }

  /** Calls back once the commands that are in flight now have their replies, or have been reported lost. */
  afterInFlight(reached: () => void): void {
    if (this.connection === undefined) reached();
    else this.connection.afterInFlight(reached);
  }

  /** Queues a command, to be sent with everything else of this turn of the event loop. */
  enqueue(command: Command): void {
    if (this.phase === 'closed') command.fail(new ClientClosedError());
    else if (this.budget.admit(command)) {
      this.pending.push(command);
      if (!this.dirty) this.scheduler.add(this);
    }
  }

  /** Sends the pending commands, and returns how many. Connects first, if need be. */
  flush(): number {
    if (this.pending.length === 0) return 0;
    if (this.phase === 'idle') void this.open().catch(() => {});
    // the outcome of what is not written to a node that may be frozen stays certain
    if (this.phase !== 'ready' || this.draining || this.unconfirmed || this.suspected) return 0;
    this.replicaReads.repeat();
    const commands = this.router.retryQueue.keepFollowers(this.pending.takeAll());
    const sent = (this.connection as Connection).send(commands);
    if (sent < commands.length) this.pending.putBack(commands.slice(sent));
    return sent === 1 ? commands[0].weight : sent;
  }

  /** Connects, if need be. Resolves once commands flow; rejects when this attempt fails. */
  open(): Promise<void> {
    if (this.phase === 'ready') return Promise.resolve();
    if (this.phase === 'closed') return Promise.reject(new ClientClosedError());
    return (this.opening ??= this.connect().finally(() => (this.opening = undefined)));
  }

  /** Checks a silent node, and replaces a dead connection; see `probeSilentConnection`. */
  async probe(): Promise<void> {
    if (this.replacement !== undefined || this.connection === undefined) return;
    const silent = this.connection;
    const second = await probeSilentConnection(silent, {
      name: this.name,
      timeoutMs: this.options.connectTimeoutMs,
      open: () => this.establish(),
      isStillSilent: () => this.connection === silent && this.suspected,
    });
    if (second !== undefined) this.install(second);
  }

  /** Replaces the present connection, on which the node serves nothing, once the replies in flight are in. */
  async renew(): Promise<void> {
    const old = this.connection;
    const now = this.scheduler.now();
    if (old === undefined || this.replacement !== undefined || now - this.renewedAt < RENEWAL_MS) return;
    this.renewedAt = now;
    const fresh = await this.establish().catch(() => undefined);
    if (fresh === undefined) return;
    const replace = (): void => {
      this.draining = false;
      if (this.connection === old && fresh.failure === undefined) this.install(fresh);
      else fresh.destroy(new ConnectionError(this.name, 'no longer needed'));
    };
    this.draining = this.connection === old && old.inFlightCount > 0;
    if (this.draining) old.afterInFlight(replace);
    else replace();
  }

  /** Sends a command of the client's own, on the open connection. */
  control(name: string, ...args: string[]): Promise<Reply> {
    if (this.phase === 'ready') return (this.connection as Connection).ask(name, args);
    return Promise.reject(new ConnectionError(this.name, 'not connected'));
  }

  /** Makes the node serve reads of its slots though it is a replica; see READONLY. */
  serveReplicaReads(): void {
    this.replicaReads.allow();
  }

  /** Makes the node redirect reads if it becomes a replica. */
  refuseReplicaReads(): void {
    this.replicaReads.forbid();
  }

  /** Takes back the pending commands, and those that wait for room: all of them or the chosen ones. */
  takePending(chosen: (command: Command) => boolean = () => true): Command[] {
    const taken = [...this.pending.take(chosen), ...this.budget.takeWaiting(chosen)];
    for (const command of taken) command.budget?.release(command);
    return taken;
  }

  /** Adds the length of a long turn of the event loop to the deadlines of its commands, which count from its beginning. */
  extendDeadlines(turnBeganAt: number, ms: number): void {
    this.pending.extendDeadlines(turnBeganAt, ms, this.budget.waitingCommands());
  }

  /** Fails every command whose deadline has passed. */
  expire(now: number): void {
    if (now < this.budget.earliestDeadline) return;
    this.budget.expire(now, this.inFlight(), this.pending);
    this.pending.dropSettled();
  }

  /** Ends a connection that turns out to lead to another node. The next connection is verified. */
  recognize(): void {
    const { connection } = this;
    const known = this.known();
    if (connection?.identity === undefined || known === undefined) return;
    const { identity } = connection;
    connection.identity = undefined;
    if (isOther(identity, known)) connection.destroy(wrongNode(identity, known));
  }

  /** Ends the present connection. Commands in flight follow the retry contract. */
  drop(reason: Error): void {
    this.connection?.destroy(reason);
  }

  /** Ends the channel. Pending commands fail with ClientClosedError; commands in flight follow the retry contract. */
  close(): void {
    if (this.phase === 'closed') return;
    this.phase = 'closed';
    clearTimeout(this.backoffTimer);
    const reason = new ClientClosedError();
    for (const command of this.takePending()) command.fail(reason);
    for (const connection of [this.replacement, this.connection]) connection?.destroy(reason);
  }

  private async connect(): Promise<void> {
    clearTimeout(this.backoffTimer);
    this.phase = 'connecting';
    try {
      this.install(await this.establish());
    } catch (error) {
      this.counters.connectFailures++;
      this.backOff(error as Error);
      throw error;
    }
  }

  /** Opens a connection that has shaken hands. It is the replacement until it is in use, or ends. */
  private async establish(): Promise<Connection> {
    const connection: Connection = new Connection(
      this.address,
      this.options,
      this,
      { onDrained: () => this.flush(), onLost: (error, inFlight) => this.lost(connection, error, inFlight) },
      () => this.scheduler.now(),
    );
    this.replacement = connection;
    await establishConnection(connection, this.address, this.options, this.known, this.router.cache);
    if (this.phase === 'closed') connection.destroy(new ClientClosedError());
    if (connection.failure !== undefined) throw connection.failure;
    return connection;
  }

  /** Makes a connection the present one, in place of another if there is one. */
  private install(connection: Connection): void {
    const replaced = this.connection;
    this.counters.connects++;
    this.connection = connection;
    this.session = connection.session;
    this.replacement = undefined;
    this.phase = 'ready';
    this.failures = 0;
    this.lastFailure = undefined;
    this.recognize();
    if (connection.failure === undefined) this.replicaReads.begin();
    replaced?.destroy(new ConnectionError(this.name, 'replaced by another, on which the node answers'));
    this.flush();
  }

  private lost(connection: Connection, error: Error, inFlight: Command[]): void {
    if (this.replacement === connection) this.replacement = undefined;
    const current = this.connection === connection;
    // pending commands must not overtake those that are sent again
    const unsent = this.takePending();
    for (const command of inFlight) command.lost(error, this);
    if (current) {
      this.connection = undefined;
      this.backOff(error);
    }
    this.router.unsent(unsent, current ? error : undefined);
  }

  /** Tries again in a moment, if commands wait by then. */
  private backOff(error: Error): void {
    if (this.phase === 'closed') return;
    this.lastFailure = error;
    this.phase = 'backoff';
    this.backoffTimer = setTimeout(() => {
      this.phase = 'idle';
      this.flush();
    }, backoffMs(++this.failures));
    this.router.channelLost(this);
  }
}
