import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { randomBytes } from 'node:crypto';
import type { Subscription } from 'rxjs';
import type { ClusterClient } from '../client/cluster-client.js';
import { ClientClosedError, OutcomeUnknownError } from '../cluster/common/errors.js';
import { REPLY_CHANNELS } from '../pubsub/common/reply-channels.js';
import { InOrder } from '../pubsub/messages/in-order.js';
import { isGap, type MessageOrGap } from '../pubsub/messages/message-options.js';
import { packetCodec } from './packet-codec.js';
import {
  transportClient,
  type ClusterClientProxyOptions,
  type TransportClient,
} from './transport-options.js';

type Answer = WritePacket & { readonly id: string };

/** An answer, and the instance of the service that sent it. */
interface InstanceAnswer {
  readonly instance: unknown;
  readonly answer: Answer;
}

/**
 * The client of `ClusterTransport`: call `send()` for requests and `emit()` for events. Each proxy receives
 * replies on a channel of its own. If the subscription to that channel was interrupted, pending requests fail
 * with OutcomeUnknownError rather than wait forever.
 */
export class ClusterClientProxy extends ClientProxy {
  private readonly connection: TransportClient;
  /** The channel for replies. */
  private readonly replyTo = REPLY_CHANNELS + randomBytes(12).toString('hex');
  private connecting: Promise<void> | undefined = undefined;
  private replies: Subscription | undefined = undefined;
  /** The instance whose answers each request accepts: the first one to answer, as every instance answers. */
  private readonly answeredBy = new Map<string, unknown>();
  /** Keeps answers in order of arrival, as a deserializer may take longer for some of them. */
  private readonly answers = new InOrder<InstanceAnswer | undefined>(
    (answer) => answer && this.deliverAnswer(answer),
  );

  /** @throws InvalidArgumentError unless exactly one of `client` and `connection` is given */
  constructor(private readonly options: ClusterClientProxyOptions) {
    super();
    this.connection = transportClient(options);
    this.initializeSerializer(options as never);
    this.initializeDeserializer(options as never);
  }

  /**
   * Connects, and subscribes to replies. If that fails, the next call tries again, and so does the next
   * `send()` or `emit()`.
   * @throws any error of `ClusterClient.connect()` or of the subscription
   */
  connect(): Promise<void> {
    if (this.connecting !== undefined) return this.connecting;
    const connecting = this.subscribeToReplies().catch((error: unknown) => {
      if (this.connecting === connecting) this.connecting = undefined;
      throw error;
    });
    return (this.connecting = connecting);
  }

  /** Fails pending requests with ClientClosedError. Closes the client if the proxy created it. */
  async close(): Promise<void> {
    this.replies?.unsubscribe();
    this.connecting = undefined;
    this.failAll(new ClientClosedError());
    await this.connection.release();
  }

  /** Adds a listener for an event of the client. */
  override on(event: string, callback: (...args: unknown[]) => void): void {
    this.client.on(event, callback);
  }

  /** Returns the client. */
  unwrap<T = ClusterClient>(): T {
    return this.client as T;
  }

  protected publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const request = this.assignPacketId(packet);
    this.routingMap.set(request.id, callback);
    this.dispatch(request, { replyTo: this.replyTo }).catch((err: unknown) => callback({ err }));
    return () => {
      this.routingMap.delete(request.id);
      this.answeredBy.delete(request.id);
    };
  }

  protected async dispatchEvent<T>(packet: ReadPacket): Promise<T> {
    return (await this.dispatch(packet, {})) as T;
  }

  private get client(): ClusterClient {
    return this.connection.client;
  }

  private async subscribeToReplies(): Promise<void> {
    const { pubsub } = this.client;
    await this.client.connect();
    const options = { codec: packetCodec, gaps: true } as const;
    const replies = this.options.sharded
      ? pubsub.sharded(this.replyTo, options)
      : pubsub.channel(this.replyTo, options);
    this.replies?.unsubscribe();
    this.replies = replies.subscribe({
      next: (item) => this.onReply(item),
      error: (error: Error) => this.onRepliesLost(error),
      complete: () => this.onRepliesLost(new ClientClosedError()),
    });
    await pubsub.ready(this.replyTo);
    this.setStatus('connected');
  }

  private async dispatch(packet: ReadPacket, extras: { replyTo?: string }): Promise<number> {
    const { pubsub } = this.client;
    const channel = this.normalizePattern(packet.pattern as string);
    const serialized: unknown = await this.serializer.serialize(packet);
    // a serializer may return anything
    const outgoing = typeof serialized === 'object' ? { ...serialized, ...extras } : serialized;
    return this.options.sharded
      ? pubsub.publishSharded(channel, outgoing, { codec: packetCodec })
      : pubsub.publish(channel, outgoing, { codec: packetCodec });
  }

  private onReply(item: MessageOrGap): void {
    if (isGap(item))
      this.failAll(new OutcomeUnknownError('request', `its reply may have been missed (${item.reason})`));
    else this.answers.push(this.readAnswer(item.payload));
  }

  /** Returns undefined for a payload that cannot be read, and so was not meant for this proxy. */
  private async readAnswer(payload: unknown): Promise<InstanceAnswer | undefined> {
    try {
      const { instance, packet } = splitInstance(payload);
      // read every property here, so that none of them can throw later
      const { err, response, isDisposed, id } = (await this.deserializer.deserialize(packet)) as Answer;
      return { instance, answer: { err, response, isDisposed, id } };
    } catch {
      return undefined;
    }
  }

  private deliverAnswer({ instance, answer: { err, response, isDisposed, id } }: InstanceAnswer): void {
    const callback = this.routingMap.get(id);
    if (callback === undefined) return;
    if (!this.answeredBy.has(id)) this.answeredBy.set(id, instance);
    else if (this.answeredBy.get(id) !== instance) return;
    callback(isDisposed || err ? { err, response, isDisposed: true } : { err, response });
  }

  /** Handles the end of the reply subscription. The next `connect()` subscribes again. */
  private onRepliesLost(error: Error): void {
    this.connecting = undefined;
    this.setStatus('disconnected');
    this.failAll(error);
  }

  private setStatus(status: 'connected' | 'disconnected'): void {
    // oxlint-disable-next-line no-underscore-dangle -- Nest's name
    this._status$.next(status);
  }

  private failAll(err: Error): void {
    const callbacks = [...this.routingMap.values()];
    this.routingMap.clear();
    for (const callback of callbacks) callback({ err });
  }
}

/** Separates the instance that answers from the packet, which must hold only Nest's own properties. */
function splitInstance(payload: unknown): { instance?: unknown; packet: unknown } {
  if (typeof payload !== 'object' || payload === null || !('instance' in payload)) return { packet: payload };
  const { instance, ...packet } = payload;
  return { instance, packet };
}
