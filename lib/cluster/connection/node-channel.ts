import { LoopTimer } from '../common/loop-timer.js';
import { backoffMs } from '../common/backoff.js';
import type { Command, CommandRouter } from '../command/command.js';
import { Connection } from './connection.js';
import { runConnectionHook } from '../options/connection-hook.js';
import { ControlCommand } from '../command/control-command.js';
import { ClientClosedError, ConnectionError, TopologyError } from '../common/errors.js';
import type { FlushScheduler } from './flush-scheduler.js';
import { handshake } from './handshake.js';
import { isOther, verifyIdentity, wrongNode } from '../topology/node-identity.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { PendingAllowance } from '../command/pending-budget.js';
import type { Ask, Reply } from '../protocol/reply.js';
import { endAtServer, isDead, type Witness } from './silent-connection.js';
import { clearTimeout, setTimeout } from '../common/timers.js';
import { nodeName, type ClusterNode, type NodeAddress } from '../topology/topology.js';

/** Whoever makes channels, and is given back what they cannot carry. */
export interface ChannelOwner extends CommandRouter {
  /** There is no connection any more, or it could not be made. */
  channelLost(channel: NodeChannel): void;
  /** Commands that were not sent, and why, if there is no connection for them. */
  unsent(commands: readonly Command[], obstacle: Error | undefined): void;
}

/**
 * - `idle`: no connection, and none wanted yet
 * - `connecting`: a socket is being made, or has yet to shake hands
 * - `ready`: commands flow
 * - `resting`: there is no connection; the next attempt is due in a moment
 * - `closed`: for good
 */
export type ChannelState = 'idle' | 'connecting' | 'ready' | 'resting' | 'closed';

/** Time between two renewals of a connection, in ms. */
const RENEWAL_MS = 1_000;

/**
 * The way to one node: the commands that wait for it, the connection that carries them, and their bounds.
 * It connects with the first command, and again after a loss for as long as something waits.
 */
export class NodeChannel {
  readonly name: string;
  readonly allowance: PendingAllowance;
  /** In the scheduler's list of channels to flush. */
  dirty = false;
  /** Why the last connection could not be made, or ended. */
  lastFailure: Error | undefined = undefined;

  private phase: ChannelState = 'idle';
  private connection: Connection | undefined = undefined;
  private candidate: Connection | undefined = undefined;
  private pending: Command[] = [];
  private failures = 0;
  private replicaReads = false;
  private rest: NodeJS.Timeout | undefined = undefined;
  /** Nothing more is sent on the present connection; see `renew`. */
  private draining = false;
  private renewedAt = -Infinity;
  private opening: Promise<void> | undefined = undefined;

  constructor(
    readonly address: NodeAddress,
    readonly router: ChannelOwner,
    private readonly options: ResolvedClusterOptions,
    private readonly scheduler: FlushScheduler,
    /** The node that is known by this address, if one is. */
    private readonly known: () => ClusterNode | undefined = () => undefined,
  ) {
    this.name = nodeName(address);
    this.allowance = new PendingAllowance(this.name, options.maxPendingPerNode);
  }

  get state(): ChannelState {
    return this.phase;
  }

  /** The node owes a reply and has been silent for longer than `replyTimeoutMs`. */
  get suspected(): boolean {
    const { connection } = this;
    if (connection === undefined || connection.owing === 0) return false;
    return this.scheduler.now() - connection.silentSince > this.options.replyTimeoutMs;
  }

  /** Nothing speaks against sending it more: its last connection did not fail, and no reply is overdue. */
  get fit(): boolean {
    return this.phase !== 'resting' && !this.suspected;
  }

  /** It has been tried in vain to connect again, or a reply is overdue. */
  get outOfReach(): boolean {
    return this.failures > 1 || this.suspected;
  }

  /** Replies that are owed. */
  get owing(): number {
    return this.connection?.owing ?? 0;
  }

  /** What was sent and not answered, oldest first. */
  owed(): Iterable<Command> {
    return this.connection?.owed() ?? [];
  }

  /** Calls back when what is owed now has been answered, or has followed the retry contract. */
  afterOwed(reached: () => void): void {
    if (this.connection === undefined) reached();
    else this.connection.afterOwed(reached);
  }

  /** Takes a command; it leaves with everything else of this turn of the event loop. */
  enqueue(command: Command): void {
    if (this.phase === 'closed') command.fail(new ClientClosedError());
    else if (this.allowance.admit(command)) {
      this.pending.push(command);
      if (!this.dirty) this.scheduler.add(this);
    }
  }

  /**
   * Hands what is pending to the connection; opens one where there is none.
   * @returns how many commands were handed over
   */
  flush(): number {
    if (this.pending.length === 0) return 0;
    if (this.phase === 'idle') void this.open().catch(() => {});
    // what is not written to a node that may be frozen is not in doubt if it is
    if (this.phase !== 'ready' || this.draining || this.suspected) return 0;
    const given = this.pending;
    // out of reach of whatever happens meanwhile, so that nothing is ever sent twice
    this.pending = [];
    const taken = (this.connection as Connection).send(given);
    if (taken < given.length) this.pending = [...given.slice(taken), ...this.pending];
    return taken;
  }

  /** Connects, if need be. Resolves once commands flow; rejects when this attempt fails. */
  open(): Promise<void> {
    if (this.phase === 'ready') return Promise.resolve();
    if (this.phase === 'closed') return Promise.reject(new ClientClosedError());
    return (this.opening ??= this.connect().finally(() => (this.opening = undefined)));
  }

  /**
   * Finds out about a node that is silent, by a second connection. Where it cannot be reached, the old connection is
   * given up. Where it answers, the node is alive, and is asked about the old connection, which is replaced if that is
   * dead; see `isDead`. A node that accepts and says nothing may be frozen or merely busy: only the others can tell.
   */
  async probe(): Promise<void> {
    if (this.candidate !== undefined || this.connection === undefined) return;
    const silent = this.connection;
    const isStillSilent = (): boolean => this.connection === silent && this.suspected;
    let second: Connection;
    try {
      second = await this.establish();
    } catch (error) {
      if (isStillSilent() && isUnreachable(error)) silent.destroy(error as Error);
      return;
    }
    const witness: Witness = (...words) => this.askInTime(second, words);
    // one that falls silent itself, or ends, proves nothing; the next one may
    const dead = await isDead(silent, witness, isStillSilent).catch(() => false);
    if (dead) await endAtServer(silent, witness);
    if (dead && isStillSilent() && second.failure === undefined) this.install(second);
    else second.destroy(new ConnectionError(this.name, 'not needed any more'));
  }

  /**
   * Puts a new connection in the place of the present one, once that has answered what it was sent: the node serves
   * nothing on it.
   */
  async renew(): Promise<void> {
    const old = this.connection;
    const now = this.scheduler.now();
    if (old === undefined || this.candidate !== undefined || now - this.renewedAt < RENEWAL_MS) return;
    this.renewedAt = now;
    const fresh = await this.establish().catch(() => undefined);
    if (fresh === undefined) return;
    const replace = (): void => {
      this.draining = false;
      if (this.connection === old && fresh.failure === undefined) this.install(fresh);
      else fresh.destroy(new ConnectionError(this.name, 'not needed any more'));
    };
    this.draining = this.connection === old && old.owing > 0;
    if (this.draining) old.afterOwed(replace);
    else replace();
  }

  /** Sends a command of the client's own, on the open connection. */
  control(name: string, ...args: string[]): Promise<Reply> {
    if (this.phase === 'ready') return ask(this.connection as Connection, name, args);
    return Promise.reject(new ConnectionError(this.name, 'not connected'));
  }

  /** From now on this node serves reads of its slots though it is a replica; see READONLY. */
  serveReplicaReads(): void {
    if (this.replicaReads) return;
    this.replicaReads = true;
    if (this.phase === 'ready') void this.control('READONLY');
  }

  /** The node is a primary: should it become a replica again, its reads are to be redirected. */
  refuseReplicaReads(): void {
    if (!this.replicaReads) return;
    this.replicaReads = false;
    if (this.phase === 'ready') void this.control('READWRITE');
  }

  /** Takes back what waits here and was not given to the present connection: all of it, or what is chosen. */
  takePending(chosen: (command: Command) => boolean = () => true): Command[] {
    const waiting = this.pending.filter((command) => !command.settled);
    const taken = waiting.filter(chosen);
    this.pending = waiting.filter((command) => !chosen(command));
    for (const command of taken) this.allowance.release(command);
    return taken;
  }

  /** Gives what was called in a long turn of the event loop its whole time: its deadline counts from the turn's begin. */
  extendDeadlines(turnBeganAt: number, ms: number): void {
    for (const command of this.pending) {
      const { deadlineAt, policy } = command;
      // one that is older than this turn has been waiting, and another's may be that of a batch
      if (Math.abs(deadlineAt - policy.deadlineMs - turnBeganAt) < 1) command.deadlineAt = deadlineAt + ms;
    }
  }

  /** Answers every command whose deadline has passed. */
  expire(now: number): void {
    if (now < this.allowance.earliestDeadline) return;
    let earliest = Infinity;
    const check = (command: Command): void => {
      if (command.settled) return;
      if (command.deadlineAt <= now) command.expire();
      else if (command.deadlineAt < earliest) earliest = command.deadlineAt;
    };
    for (const command of this.owed()) check(command);
    for (const command of this.pending) check(command);
    this.pending = this.pending.filter((command) => !command.settled);
    this.allowance.earliestDeadline = earliest;
  }

  /**
   * Gives up a connection that was made before it was known which node is at the address, and that leads to another.
   * Whether it really does is found out with the next one.
   */
  recognize(): void {
    const { connection } = this;
    const known = this.known();
    if (connection?.identity === undefined || known === undefined) return;
    const { identity } = connection;
    connection.identity = undefined;
    if (isOther(identity, known)) connection.destroy(wrongNode(identity, known));
  }

  /** Another node answers at the address. */
  get astray(): boolean {
    return isAstray(this.lastFailure);
  }

  /** Gives up the present connection; what it owes follows the retry contract. */
  drop(reason: Error): void {
    this.connection?.destroy(reason);
  }

  /** Ends the channel. What was not sent fails with ClientClosedError, what was sent follows the retry contract. */
  close(): void {
    if (this.phase === 'closed') return;
    this.phase = 'closed';
    clearTimeout(this.rest);
    const reason = new ClientClosedError();
    for (const command of this.pending) command.fail(reason);
    this.pending = [];
    this.candidate?.destroy(reason);
    this.connection?.destroy(reason);
  }

  private async connect(): Promise<void> {
    clearTimeout(this.rest);
    this.phase = 'connecting';
    try {
      this.install(await this.establish());
    } catch (error) {
      this.rested(error as Error);
      throw error;
    }
  }

  /** Makes a connection that has shaken hands; it is the candidate until it is put to use or ends. */
  private async establish(): Promise<Connection> {
    const { connectTimeoutMs } = this.options;
    const connection: Connection = new Connection(
      this.address,
      this.options,
      this,
      { onDrained: () => this.flush(), onLost: (error, owed) => this.lost(connection, error, owed) },
      () => this.scheduler.now(),
    );
    this.candidate = connection;
    let accepted = false;
    const guard = new LoopTimer(connectTimeoutMs, () => {
      const missing = accepted ? 'no answer' : connection.reached ? 'no TLS handshake' : 'not connected';
      const hint = missing === 'no TLS handshake' ? '; is it a port without TLS?' : '';
      const reason = `${missing} within ${connectTimeoutMs} ms${hint}`;
      connection.destroy(
        accepted ? new UnansweredError(this.name, reason) : new ConnectionError(this.name, reason),
      );
    });
    try {
      await connection.connected();
      accepted = true;
      // credentials that never come must not hold up the next attempt
      await Promise.race([this.greet(connection), connection.ended()]);
    } catch (error) {
      connection.destroy(error as Error);
      throw connection.failure ?? error;
    } finally {
      guard.cancel();
    }
    if (this.phase === 'closed') connection.destroy(new ClientClosedError());
    if (connection.failure !== undefined) throw connection.failure;
    return connection;
  }

  private async greet(connection: Connection): Promise<void> {
    const words: Ask = (name, ...args) => ask(connection, name, args);
    const { clientId, identity } = await handshake(words, this.options);
    connection.clientId = clientId;
    const known = this.known();
    await verifyIdentity(words, identity, known, this.options.addressRemap);
    if (known === undefined) connection.identity = identity;
    const { onConnect } = this.options;
    if (onConnect !== undefined) await runConnectionHook(onConnect, this.address, 'shared', words);
  }

  /** As `ask`; a connection that does not answer is given up. */
  private async askInTime(connection: Connection, [name, ...args]: string[]): Promise<Reply> {
    const { connectTimeoutMs } = this.options;
    const guard = new LoopTimer(connectTimeoutMs, () =>
      connection.destroy(new UnansweredError(this.name, `no answer within ${connectTimeoutMs} ms`)),
    );
    return ask(connection, name, args).finally(() => guard.cancel());
  }

  /** Puts a connection in the place of the present one, if there is one. */
  private install(connection: Connection): void {
    const replaced = this.connection;
    this.connection = connection;
    this.candidate = undefined;
    this.phase = 'ready';
    this.failures = 0;
    this.lastFailure = undefined;
    this.recognize();
    if (this.replicaReads && connection.failure === undefined) void this.control('READONLY');
    replaced?.destroy(
      new ConnectionError(this.name, 'replaced by another connection, on which the node answers'),
    );
    this.flush();
  }

  private lost(connection: Connection, error: Error, owed: Command[]): void {
    if (this.candidate === connection) this.candidate = undefined;
    const current = this.connection === connection;
    // what was not sent yet must not overtake what is sent again
    const unsent = this.takePending();
    for (const command of owed) command.lost(error, this);
    if (current) {
      this.connection = undefined;
      this.rested(error);
    }
    this.router.unsent(unsent, current ? error : undefined);
  }

  /** There is no connection now; try again in a moment if something waits by then. */
  private rested(error: Error): void {
    if (this.phase === 'closed') return;
    this.lastFailure = error;
    this.phase = 'resting';
    this.rest = setTimeout(() => {
      this.phase = 'idle';
      this.flush();
    }, backoffMs(++this.failures));
    this.router.channelLost(this);
  }
}

function ask(connection: Connection, name: string, args: readonly string[]): Promise<Reply> {
  const command = new ControlCommand(name, args);
  const taken = connection.send([command]);
  if (taken === 0) command.fail(connection.failure ?? new ConnectionError('a node', 'takes no more now'));
  return command.reply;
}

/** The peer took the connection and did not answer on it: it may be frozen, or busy. */
class UnansweredError extends ConnectionError {}

/** A connection that is refused or goes nowhere, as against one that is accepted and not answered. */
function isUnreachable(error: unknown): boolean {
  return isAstray(error) || (error instanceof ConnectionError && !(error instanceof UnansweredError));
}

function isAstray(error: unknown): boolean {
  return error instanceof TopologyError && error.code === 'WRONG_NODE';
}
