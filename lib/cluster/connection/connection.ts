import type { CacheSession } from '../caching/cache-session.js';
import { PushProbe, type PushOutcome } from '../caching/push-probe.js';
import type { Command, CommandNode } from '../command/command.js';
import { RingQueue } from '../common/ring-queue.js';
import { AskingCommand, ControlCommand } from '../command/control-command.js';
import { ConnectionError, InvalidArgumentError, ProtocolError } from '../common/errors.js';
import { NodeSocket, type SocketOwner } from './node-socket.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { Reply } from '../protocol/reply.js';
import { PIECE_BYTES, type Argument } from '../protocol/request-encoder.js';
import { RoundTripMeter } from '../stats/round-trips.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';

/** Precedes commands that an ASK redirect sent here. It has no state of its own. */
const ASKING = new AskingCommand();

/** What a connection reports to its channel. */
export interface ConnectionListener {
  /** The socket accepts more data again. */
  onDrained(): void;
  /** The socket has closed for good. `inFlight` was sent without a reply, oldest first. */
  onLost(error: Error, inFlight: Command[]): void;
}

/**
 * One socket to one node, from connect to close, shared by all callers. Replies arrive in the order of the
 * requests, so a queue of the sent commands is all the bookkeeping it needs.
 */
export class Connection implements SocketOwner {
  /** When the peer last showed activity while a reply was due; milliseconds of the client's clock. */
  silentSince = 0;
  /** The server's id of this connection, if the server has sent it; see CLIENT ID. */
  clientId: number | undefined = undefined;
  /**
   * What its node reported about itself, until that is compared with the node known at the address; see
   * `identityQuestion`.
   */
  identity: string | undefined = undefined;
  /** What the cache of the client knows about this connection, if the server tracks for it. */
  session: CacheSession | undefined = undefined;
  private probe: PushProbe | undefined = undefined;
  private readonly socket: NodeSocket;
  private readonly queue = new RingQueue<Command>();
  private readonly name: string;
  /** Callbacks for when a number of replies has arrived; see `afterInFlight`. */
  private readonly milestones: { readonly replies: number; readonly reached: () => void }[] = [];
  private readonly roundTrips: RoundTripMeter;
  /** How many commands have been written. */
  private written = 0;
  private lost = false;

  constructor(
    address: NodeAddress,
    options: ResolvedClusterOptions,
    private readonly node: CommandNode,
    private readonly listener: ConnectionListener,
    private readonly now: () => number,
  ) {
    this.name = nodeName(address);
    this.socket = new NodeSocket(address, options, this);
    this.roundTrips = new RoundTripMeter(node.counters.roundTrips);
    node.counters.connectionOpened(this.socket, 'shared');
  }

  /** Why the connection ended, once it has. */
  get failure(): Error | undefined {
    return this.socket.failure;
  }

  /** Resolves once the socket is connected (and TLS agreed). Rejects if it ends first. */
  connected(): Promise<void> {
    return this.socket.connected();
  }

  /** Rejects when the connection ends. */
  ended(): Promise<never> {
    return this.socket.ended();
  }

  /** Whether the node has accepted the connection, TLS or not. */
  get reached(): boolean {
    return this.socket.reached;
  }

  /** Whether the socket should not be given more data now. */
  get saturated(): boolean {
    return this.socket.saturated;
  }

  /** The number of replies that are due. */
  get inFlightCount(): number {
    return this.queue.length;
  }

  /** Whether a caller waits for a reply without which the outcome of its command would be unknown. */
  get losesOutcome(): boolean {
    for (const command of this.inFlight()) if (!command.settled && !command.repeatable) return true;
    return false;
  }

  /** Returns the commands in flight, oldest first. */
  *inFlight(): Iterable<Command> {
    let last: Command | undefined;
    for (const command of this.queue) {
      // one with several replies is in the queue for each of them
      if (command !== last) yield command;
      last = command;
    }
  }

  /** Calls back when the commands that are in flight now have their replies, or have been reported lost. */
  afterInFlight(reached: () => void): void {
    if (this.queue.length === 0) reached();
    else this.milestones.push({ replies: this.queue.shifted + this.queue.length, reached });
  }

  /**
   * Sends commands, in one write unless they are many. Stops when the socket is saturated.
   * @returns how many were sent
   */
  send(commands: readonly Command[]): number {
    const { written } = this;
    const now = this.now();
    const taken = this.write(commands, now);
    this.node.counters.commands += this.written - written;
    this.roundTrips.flushed(this.queue.shifted + this.queue.length, now);
    return taken;
  }

  /** Sends a command of the client's own, and returns its reply. */
  ask(name: string, args: readonly Argument[]): Promise<Reply> {
    return this.request(new ControlCommand(name, args));
  }

  /**
   * Finds out whether pushes of the server arrive; see `PushProbe`. To be called before any command is sent that does
   * not wait for the reply to the one before it.
   */
  async probePushes(): Promise<PushOutcome> {
    this.probe = new PushProbe();
    const outcome = (await this.request(this.probe)) as PushOutcome;
    // the confirmation that was dropped is not due any more
    if (outcome === 'dropped') this.queue.shift();
    return outcome;
  }

  private request(command: ControlCommand): Promise<Reply> {
    const taken = this.write([command], this.now());
    this.roundTrips.flushedUnmeasured(this.queue.shifted + this.queue.length);
    if (taken === 0) command.fail(this.failure ?? new ConnectionError(this.name, 'is saturated'));
    return command.reply;
  }

  /** Writes commands, and returns how many were taken. */
  private write(commands: readonly Command[], now: number): number {
    const { socket } = this;
    let next = 0;
    if (this.queue.length === 0) this.silentSince = now;
    while (next < commands.length && !socket.saturated && !this.lost) {
      while (next < commands.length && socket.encoder.size < PIECE_BYTES) this.encode(commands[next++]);
      socket.write();
    }
    return next;
  }

  /** Ends the connection now. Commands in flight are reported lost. */
  destroy(reason: Error): void {
    this.socket.destroy(reason);
  }

  wantsBuffers(): boolean {
    return this.queue.peek()?.shape.buffers ?? false;
  }

  wantsNative(): boolean {
    return this.queue.peek()?.shape.native ?? false;
  }

  onReply(reply: Reply): void {
    // handling a reply may end this connection, while more of the same chunk is still being parsed
    if (this.lost) return;
    const command = this.queue.shift();
    if (command === undefined) throw new ProtocolError(`${this.name} sent a reply without a request`);
    try {
      command.receive(reply, this.node);
    } catch (error) {
      // a function of the caller's (addressRemap) failed; without this its call would never end
      command.fail(error as Error);
    }
  }

  onBytes(): void {
    this.silentSince = this.now();
  }

  onBytesRead(): void {
    this.roundTrips.replied(this.queue.shifted, this.silentSince);
    if (this.milestones.length > 0) this.passMilestones(this.queue.shifted);
  }

  onDrained(): void {
    this.silentSince = this.now();
    this.listener.onDrained();
  }

  onClosed(reason: Error): void {
    this.lost = true;
    this.node.counters.connectionEnded(this.socket);
    this.session?.end();
    this.listener.onLost(reason, [...new Set(this.queue)]);
    this.passMilestones(Infinity);
  }

  onPush(items: readonly Reply[]): void {
    // shared connections never subscribe: without a cache nothing is pushed
    if (this.lost) return;
    if (this.probe?.settled === false) {
      this.probe.pushed = true;
      this.queue.shift();
    } else this.session?.onPush(items);
  }

  private encode(command: Command): void {
    if (command.settled) return;
    const { encoder } = this.socket;
    encoder.keep();
    try {
      if (command.asking) ASKING.encode(encoder);
      command.encode(encoder);
    } catch (error) {
      // an invalid argument, or no memory: nothing of it is sent, and no other call is affected
      encoder.revert();
      return this.encodeParts(command, error);
    }
    if (command.asking) {
      this.queue.push(ASKING);
      command.asking = false;
    }
    command.sent = true;
    this.written += command.weight;
    for (let replies = command.replyCount; replies > 0; replies--) this.queue.push(command);
  }

  /** Encodes the parts of a command that cannot be encoded as a whole. A command without parts fails. */
  private encodeParts(command: Command, error: unknown): void {
    for (const part of command.split()) {
      if (part === command) part.fail(unwritable(part, error));
      else this.encode(part);
    }
  }

  private passMilestones(replies: number): void {
    while (this.milestones.length > 0 && this.milestones[0].replies <= replies)
      this.milestones.shift()?.reached();
  }
}

function unwritable({ name }: Command, error: unknown): InvalidArgumentError {
  const reason = error instanceof Error ? error.message : String(error);
  return new InvalidArgumentError('arguments', `The arguments of ${name} could not be written: ${reason}`);
}
