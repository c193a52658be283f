import { toByteText } from '../../cluster/protocol/buffer-text.js';
import { RingQueue } from '../../cluster/common/ring-queue.js';
import { prepareConnection } from '../../cluster/options/connection-hook.js';
import { ProtocolError, ReplyError } from '../../cluster/common/errors.js';
import { authenticate, handshake } from '../../cluster/connection/handshake.js';
import { verifyIdentity } from '../../cluster/topology/node-identity.js';
import { NodeSocket, type SocketOwner } from '../../cluster/connection/node-socket.js';
import { traceConnect } from '../../cluster/diagnostics/trace-connect.js';
import type { ResolvedClusterOptions } from '../../cluster/options/options.js';
import type { Credentials } from '../../cluster/options/credentials.js';
import type { Ask, Reply } from '../../cluster/protocol/reply.js';
import type { NodeCounters } from '../../cluster/stats/node-counters.js';
import { queueMicrotask, unixMs } from '../../cluster/common/timers.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
import { CONFIRMATION_ITEMS, readConfirmations } from './confirmation.js';
import { FENCED, isFullyConfirmed, type InFlightCommand } from './in-flight-command.js';
import { MessageReader } from './message-reader.js';
import { IncomingMessage } from '../subscriptions/incoming-message.js';
import type { MessageWord, SubscribeWord, UnsubscribeWord } from '../subscriptions/subscription-kind.js';

/** The callbacks of a subscriber connection. They must not throw. */
export interface SubscriberConnectionListener {
  /** @param bytes contain the name that was subscribed to, between `start` and `end` */
  onMessage(word: MessageWord, bytes: Buffer, start: number, end: number, message: IncomingMessage): void;
  /** The server has ended a subscription on its own because the slot has moved. */
  onDropped(word: UnsubscribeWord, name: string): void;
  /** Any bytes have arrived. */
  onActivity(): void;
  /** The connection is gone, or could not be established. Called once. */
  onLost(): void;
}

/**
 * A connection to one node for subscriptions. The server answers commands in order, and a subscription with
 * one confirmation per name. Published messages arrive in between: as pushes in RESP3, and as ordinary
 * replies in RESP2, which is used only if the server does not support RESP3.
 *
 * @see {@link https://redis.io/docs/latest/develop/pubsub/ | Pub/sub, format of pushed messages}
 */
export class SubscriberConnection implements SocketOwner {
  private readonly socket: NodeSocket;
  private readonly inFlight = new RingQueue<InFlightCommand>();
  private readonly name: string;
  private readonly reader = new MessageReader();
  private readonly message = new IncomingMessage();
  private protocol = 2;
  private subscribing = false;
  private writing = false;
  private opening: Promise<void> | undefined = undefined;
  private credentials: Credentials | undefined = undefined;

  constructor(
    private readonly node: ClusterNode,
    private readonly options: ResolvedClusterOptions,
    private readonly listener: SubscriberConnectionListener,
    private readonly counters: NodeCounters,
  ) {
    this.name = node.name;
    this.socket = new NodeSocket(node, options, this);
    counters.connectionOpened(this.socket, 'subscriber');
  }

  /**
   * Whether the connection uses RESP2, in which a subscribing connection accepts only subscriptions and PING.
   */
  get isResp2(): boolean {
    return this.protocol === 2;
  }

  /**
   * Opens the connection; resolves once it is authenticated and leads to the right node.
   * @throws AuthenticationError, ConnectionError, ConnectionHookError
   */
  open(): Promise<void> {
    return (this.opening ??= traceConnect('subscriber', this.options, this.node, () => this.establish()));
  }

  /**
   * Authenticates the connection again, once it is open. Does not throw if the connection ends in the
   * meantime.
   * @returns false if that is impossible: a subscribing RESP2 connection takes no AUTH
   * @throws AuthenticationError
   */
  async renew(credentials: Credentials): Promise<boolean> {
    try {
      await this.opening;
    } catch {
      return true; // the next connection uses the new credentials
    }
    if (this.isResp2 && this.subscribing) return sameCredentials(this.credentials, credentials);
    await authenticate(this.ask, credentials);
    this.credentials = credentials;
    return true;
  }

  /** Sends a command with one reply. Once a RESP2 connection subscribes, this can only be PING. */
  readonly ask: Ask = async (word, ...args) => {
    const { encoder } = this.socket;
    const reply = await this.enqueue(word, NO_NAMES, () => encoder.append(word, args));
    if (word === 'HELLO' && args.length > 0) this.protocol = Number(args[0]);
    return reply;
  };

  /**
   * Sends a command that subscribes or unsubscribes names; resolves once the server has confirmed all of
   * them.
   * @param names as byte text
   * @throws ReplyError if the server rejects the command; ConnectionError if the connection ends first
   */
  async sendNames(word: SubscribeWord | UnsubscribeWord, names: readonly string[]): Promise<void> {
    this.subscribing = true;
    const { encoder } = this.socket;
    const answered = this.enqueue(word, names, () => encoder.appendByteTexts(word, names));
    // the answer to this PING shows that the confirmations before it belong to the command
    const fence = FENCED.has(word) ? this.ask('PING').catch(ignoreReply) : undefined;
    await Promise.all([answered, fence]);
  }

  /** Ends the connection now. */
  destroy(reason: Error): void {
    this.socket.destroy(reason);
  }

  /** Resolves when the socket is gone. */
  closed(): Promise<void> {
    return this.socket.gone();
  }

  wantsBuffers(): boolean {
    return this.subscribing && this.isResp2;
  }

  onReply(reply: Reply): void {
    if (this.socket.failure !== undefined) return;
    if (this.wantsBuffers() && Array.isArray(reply) && this.handlePushed(reply)) return;
    if (!isSlotRefusal(reply)) this.passFence();
    const inFlight = this.inFlight.shift();
    if (inFlight === undefined) throw new ProtocolError(`${this.name} sent a reply without a request`);
    if (reply instanceof ReplyError) inFlight.reject(reply);
    else inFlight.resolve(reply);
  }

  onPush(items: Reply[]): void {
    if (this.socket.failure === undefined) this.handlePushed(items);
  }

  readPush(bytes: Buffer, start: number, count: number, ascii: boolean): number {
    if (this.socket.failure !== undefined) return -1;
    const { reader, message } = this;
    const end = reader.read(bytes, start, count, ascii, message);
    if (end === -1) return count === CONFIRMATION_ITEMS ? this.readConfirmations(bytes, start) : -1;
    this.listener.onMessage(reader.word, bytes, reader.nameStart, reader.nameEnd, message);
    return end;
  }

  onBytes(): void {
    this.message.receivedAt = unixMs();
    this.listener.onActivity();
  }

  onBytesRead(): void {}

  onDrained(): void {}

  onClosed(reason: Error): void {
    this.counters.connectionEnded(this.socket);
    for (const { reject } of this.inFlight) reject(reason);
    this.listener.onLost();
  }

  private async establish(): Promise<void> {
    await this.socket.connected();
    await Promise.race([this.greet(), this.socket.ended()]);
  }

  private async greet(): Promise<void> {
    // in RESP2 a subscribing connection can neither authenticate again nor query whether its node is a primary
    const credentials = async (): Promise<Credentials | undefined> =>
      (this.credentials = await this.options.credentials());
    const { identity } = await handshake(this.ask, { ...this.options, credentials, protocol: 3 });
    await verifyIdentity(this.ask, identity, this.node, this.options.addressRemap);
    await prepareConnection(this.options, this.node, 'subscriber', this.ask);
  }

  /** @param append gives the command to the encoder */
  private enqueue(word: string, names: readonly string[], append: () => void): Promise<Reply> {
    const { failure } = this.socket;
    if (failure !== undefined) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      this.inFlight.push({ word, names, confirmed: 0, resolve, reject });
      append();
      this.scheduleWrite();
    });
  }

  /** Commands of one turn of the event loop are written together. */
  private scheduleWrite(): void {
    if (this.writing) return;
    this.writing = true;
    queueMicrotask(() => {
      this.writing = false;
      if (this.socket.failure === undefined) this.socket.write();
    });
  }

  /** Handles a message or a confirmation; returns false for anything else. */
  private handlePushed(items: readonly Reply[]): boolean {
    const word = toByteText(items[0] as Buffer);
    const [, name, third, fourth] = items as Buffer[];
    switch (word) {
      case 'message':
      case 'smessage':
        this.passOn(word, name, name, third);
        return true;
      case 'pmessage':
        this.passOn(word, name, third, fourth);
        return true;
      case 'subscribe':
      case 'psubscribe':
      case 'ssubscribe':
        if (!this.confirmNext(word, toByteText(name)))
          throw new ProtocolError(`${this.name} confirmed a subscription that was not requested`);
        return true;
      case 'unsubscribe':
      case 'punsubscribe':
      case 'sunsubscribe': {
        const text = toByteText(name);
        if (!this.confirmNext(word, text)) this.listener.onDropped(word, text);
        return true;
      }
      default:
        return false;
    }
  }

  /** Passes on a message that was cut by the end of a read, or came in RESP2. */
  private passOn(word: MessageWord, name: Buffer, channel: Buffer, payload: Buffer): void {
    this.message.begin(payload, 0, payload.length, false);
    this.message.setChannel(channel, 0, channel.length);
    this.listener.onMessage(word, name, 0, name.length, this.message);
  }

  /** Reads the confirmations that are expected next, and returns the index behind them; -1 for anything else. */
  private readConfirmations(bytes: Buffer, start: number): number {
    const inFlight = this.inFlight.peek();
    if (inFlight === undefined || isFullyConfirmed(inFlight)) return -1;
    const end = readConfirmations(bytes, start, inFlight);
    this.settleIfConfirmed(inFlight);
    return end;
  }

  /** Records a confirmation; returns false if it does not belong to the command that is answered next. */
  private confirmNext(word: string, name: string): boolean {
    const inFlight = this.inFlight.peek();
    if (inFlight?.word !== word || isFullyConfirmed(inFlight) || inFlight.names[inFlight.confirmed] !== name)
      return false;
    inFlight.confirmed++;
    this.settleIfConfirmed(inFlight);
    return true;
  }

  private settleIfConfirmed(inFlight: InFlightCommand): void {
    if (!FENCED.has(inFlight.word) && isFullyConfirmed(inFlight)) this.settleConfirmed();
  }

  /**
   * The command after a fenced command was answered, so the confirmations before belong to the fenced one.
   */
  private passFence(): void {
    const inFlight = this.inFlight.peek();
    if (inFlight !== undefined && FENCED.has(inFlight.word) && isFullyConfirmed(inFlight))
      this.settleConfirmed();
  }

  private settleConfirmed(): void {
    this.inFlight.shift()?.resolve(null);
  }
}

const NO_NAMES: readonly string[] = [];

/** Errors about a slot. A PING, which has no slot, never receives one. */
const SLOT_REFUSALS: ReadonlySet<string> = new Set(['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN', 'CROSSSLOT']);

const isSlotRefusal = (reply: Reply): boolean => reply instanceof ReplyError && SLOT_REFUSALS.has(reply.code);

/** An ACL may forbid PING; that error is an answer too. */
function ignoreReply(error: unknown): void {
  if (!(error instanceof ReplyError)) throw error;
}

function sameCredentials(a: Credentials | undefined, b: Credentials): boolean {
  return a?.username === b.username && a?.password === b.password;
}
