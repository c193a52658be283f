import { toByteText } from '../../cluster/protocol/buffer-text.js';
import { CommandQueue } from '../../cluster/common/ring-queue.js';
import { runConnectionHook } from '../../cluster/options/connection-hook.js';
import { ProtocolError, ReplyError } from '../../cluster/common/errors.js';
import { authenticate, handshake } from '../../cluster/connection/handshake.js';
import { verifyIdentity } from '../../cluster/topology/node-identity.js';
import { NodeSocket, type SocketOwner } from '../../cluster/connection/node-socket.js';
import type { ResolvedClusterOptions } from '../../cluster/options/options.js';
import type { Credentials } from '../../cluster/options/credentials.js';
import type { Ask, Reply } from '../../cluster/protocol/reply.js';
import type { Argument } from '../../cluster/protocol/request-encoder.js';
import { queueMicrotask } from '../../cluster/common/timers.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
import type { ChannelName } from '../subscriptions/cluster-message.js';
import type { MessageWord, SubscribeWord, UnsubscribeWord } from '../subscriptions/subscription-kind.js';

/** What a subscriber connection tells. Its methods must not throw. */
export interface SubscriberConnectionListener {
  /** @param name what it was subscribed to by; both are Buffers of the server's bytes */
  onMessage(word: MessageWord, name: Buffer, channel: Buffer, payload: Buffer): void;
  /** The server has ended a subscription that we did not end: its slot has moved. */
  onDropped(word: UnsubscribeWord, name: string): void;
  /** Something came; what, does not matter. */
  onActivity(): void;
  /** The connection is gone, or could not be made; told once. */
  onLost(): void;
}

/** A command that the server owes an answer to: one reply, or a confirmation for each name. */
interface InFlightCommand {
  readonly word: string;
  readonly names: readonly ChannelName[];
  confirmed: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One socket to one node that subscribes. Commands are answered in their order, each subscription by a confirmation for
 * each of its names, and between them comes what is published: as pushes in RESP3, as replies like any other in RESP2,
 * which only servers that know no other are spoken to in.
 *
 * @see {@link https://redis.io/docs/latest/develop/pubsub/ | Pub/sub, format of pushed messages}
 */
export class SubscriberConnection implements SocketOwner {
  private readonly socket: NodeSocket;
  private readonly inFlight = new CommandQueue<InFlightCommand>();
  private readonly name: string;
  private protocol = 2;
  private subscribing = false;
  private writing = false;
  private opening: Promise<void> | undefined = undefined;
  private credentials: Credentials | undefined = undefined;

  constructor(
    private readonly node: ClusterNode,
    private readonly options: ResolvedClusterOptions,
    private readonly listener: SubscriberConnectionListener,
  ) {
    this.name = node.name;
    this.socket = new NodeSocket(node, options, this);
  }

  /** In RESP2, a connection that subscribes takes nothing but subscriptions and PING. */
  get isResp2(): boolean {
    return this.protocol === 2;
  }

  /**
   * Resolves once the node has taken us in.
   * @throws AuthenticationError, ConnectionError, ConnectionHookError
   */
  open(): Promise<void> {
    return (this.opening ??= this.establish());
  }

  /**
   * Authenticates it anew, once it is open. One that ends meanwhile is no failure of this.
   * @returns false if that is impossible: a subscribing RESP2 connection takes no AUTH
   * @throws AuthenticationError
   */
  async renew(credentials: Credentials): Promise<boolean> {
    try {
      await this.opening;
    } catch {
      return true; // the next one has what is new
    }
    if (this.isResp2 && this.subscribing) return sameCredentials(this.credentials, credentials);
    await authenticate(this.ask, credentials);
    this.credentials = credentials;
    return true;
  }

  /** Sends a command with one reply, for which there is no other than PING once a RESP2 connection subscribes. */
  readonly ask: Ask = async (word, ...args) => {
    const reply = await this.enqueue(word, args, []);
    if (word === 'HELLO' && args.length > 0) this.protocol = Number(args[0]);
    return reply;
  };

  /**
   * Subscribes to names, or ends that; resolves once the server has confirmed it for all of them.
   * @throws ReplyError where the server refuses, all of them; ConnectionError where the connection ends before
   */
  async sendNames(word: SubscribeWord | UnsubscribeWord, names: readonly ChannelName[]): Promise<void> {
    this.subscribing = true;
    const answered = this.enqueue(word, names, names);
    // the answer to this one tells what the confirmations before it were
    const fence = FENCED.has(word) ? this.enqueue('PING', [], []).catch(ignoreReply) : undefined;
    await Promise.all([answered, fence]);
  }

  /** Ends it now. */
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
    if (inFlight === undefined) throw new ProtocolError(`${this.name} sent a reply that nobody asked for`);
    if (reply instanceof ReplyError) inFlight.reject(reply);
    else inFlight.resolve(reply);
  }

  onPush(items: Reply[]): void {
    if (this.socket.failure === undefined) this.handlePushed(items);
  }

  onBytes(): void {
    this.listener.onActivity();
  }

  onBytesRead(): void {}

  onDrained(): void {}

  onClosed(reason: Error): void {
    for (const { reject } of this.inFlight) reject(reason);
    this.listener.onLost();
  }

  private async establish(): Promise<void> {
    await this.socket.connected();
    await Promise.race([this.greet(), this.socket.ended()]);
  }

  private async greet(): Promise<void> {
    const { onConnect } = this.options;
    // RESP2 could neither be authenticated anew while it subscribes, nor be asked whether its node is a primary
    const credentials = async (): Promise<Credentials | undefined> =>
      (this.credentials = await this.options.credentials());
    const { identity } = await handshake(this.ask, { ...this.options, credentials, protocol: 3 });
    await verifyIdentity(this.ask, identity, this.node, this.options.addressRemap);
    if (onConnect !== undefined) await runConnectionHook(onConnect, this.node, 'subscriber', this.ask);
  }

  private enqueue(word: string, args: readonly Argument[], names: readonly ChannelName[]): Promise<Reply> {
    const { failure, encoder } = this.socket;
    if (failure !== undefined) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      this.inFlight.push({ word, names, confirmed: 0, resolve, reject });
      encoder.append(word, args);
      this.scheduleWrite();
    });
  }

  /** What is sent in one turn of the event loop leaves together. */
  private scheduleWrite(): void {
    if (this.writing) return;
    this.writing = true;
    queueMicrotask(() => {
      this.writing = false;
      if (this.socket.failure === undefined) this.socket.write();
    });
  }

  /** Takes what is published, and what confirms a subscription or its end; false for anything else. */
  private handlePushed(items: readonly Reply[]): boolean {
    const word = toByteText(items[0] as Buffer);
    const [, name, third, fourth] = items as Buffer[];
    switch (word) {
      case 'message':
      case 'smessage':
        this.listener.onMessage(word, name, name, third);
        return true;
      case 'pmessage':
        this.listener.onMessage(word, name, third, fourth);
        return true;
      case 'subscribe':
      case 'psubscribe':
      case 'ssubscribe':
        if (!this.confirmNext(word, toByteText(name)))
          throw new ProtocolError(`${this.name} confirms too much`);
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

  /** Whether it is this that the server owes next. */
  private confirmNext(word: string, name: string): boolean {
    const inFlight = this.inFlight.peek();
    if (
      inFlight?.word !== word ||
      isFullyConfirmed(inFlight) ||
      toByteText(inFlight.names[inFlight.confirmed]) !== name
    )
      return false;
    inFlight.confirmed++;
    if (!FENCED.has(word) && isFullyConfirmed(inFlight)) this.settleConfirmed();
    return true;
  }

  /** What follows a fenced command was answered, so its confirmations were meant for it. */
  private passFence(): void {
    const inFlight = this.inFlight.peek();
    if (inFlight !== undefined && FENCED.has(inFlight.word) && isFullyConfirmed(inFlight))
      this.settleConfirmed();
  }

  private settleConfirmed(): void {
    this.inFlight.shift()?.resolve(null);
  }
}

/**
 * Commands whose confirmation may be something else: where a slot moves, the server ends its subscriptions of its own
 * accord, in the words in which it confirms our command, and answers that by an error.
 */
const FENCED: ReadonlySet<string> = new Set<UnsubscribeWord>(['sunsubscribe']);

/** Errors about a slot. A PING, which has none, is never answered so. */
const SLOT_REFUSALS: ReadonlySet<string> = new Set(['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN', 'CROSSSLOT']);

const isSlotRefusal = (reply: Reply): boolean => reply instanceof ReplyError && SLOT_REFUSALS.has(reply.code);

const isFullyConfirmed = ({ confirmed, names }: InFlightCommand): boolean => confirmed === names.length;

/** The user may not be allowed to PING, and that is an answer, too. */
function ignoreReply(error: unknown): void {
  if (!(error instanceof ReplyError)) throw error;
}

function sameCredentials(a: Credentials | undefined, b: Credentials): boolean {
  return a?.username === b.username && a?.password === b.password;
}
