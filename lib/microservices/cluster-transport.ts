import {
  Server,
  type CustomTransportStrategy,
  type IncomingRequest,
  type MessageHandler,
  type OutgoingResponse,
  type WritePacket,
} from '@nestjs/microservices';
import { randomBytes } from 'node:crypto';
import { types } from 'node:util';
import { isObservable, lastValueFrom, Subject, takeUntil, type Observable } from 'rxjs';
import type { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import type { ClusterMessage } from '../pubsub/subscriptions/cluster-message.js';
import { ClusterContext, type ClusterPacketMetadata } from './cluster-context.js';
import { RetryingSubscription } from './retrying-subscription.js';
import { packetCodec, writePacket } from './packet-codec.js';
import { MessagesInFlight } from './messages-in-flight.js';
import { transportClient, type ClusterTransportOptions, type TransportClient } from './transport-options.js';

/** A request, or an event where it has no id. */
type Packet = IncomingRequest & { readonly replyTo?: unknown; readonly metadata?: ClusterPacketMetadata };

/** Where a reply goes, and what the packet has beside Nest's parts. */
interface ReplyTarget {
  readonly channel: string;
  readonly extras: object;
}

/** Those of the client. */
type TransportEvents = Record<string, (...args: unknown[]) => void>;

const NO_HANDLER = 'There is no matching message handler defined in the remote service.';
/** What Nest answers for an error that is none of its own. */
const INTERNAL_ERROR = { status: 'error', message: 'Internal server error' };
const CUT_OFF = { status: 'error', message: 'The service was closed before its answer was complete' };
const TRANSPORT_ID = Symbol('keyslot.ClusterTransport');
/** How long `close()` waits for handlers that are at work. */
const DRAIN_MS = 5_000;

/**
 * A transport for Nest's microservices over the pub/sub of a cluster: `@MessagePattern` and `@EventPattern` handlers. It
 * speaks as Nest's own Redis transport does, which cannot connect to a cluster.
 *
 * Pub/sub reaches every instance that subscribes: each handles every event, and each answers every request, of which the
 * first answer counts. Nothing that a handler, filter, interceptor, serializer or hook throws ends the process: it is
 * logged, and the caller of a request is answered with an error.
 */
export class ClusterTransport extends Server<TransportEvents> implements CustomTransportStrategy {
  override readonly transportId = TRANSPORT_ID;
  private readonly connection: TransportClient;
  /** By which a caller tells the answers of this instance from those of others. */
  private readonly instance = randomBytes(9).toString('base64');
  private subscriptions: readonly RetryingSubscription<ClusterMessage>[] = [];
  private readonly failed = new Set<string>();
  private readonly inFlight = new MessagesInFlight();
  private readonly cutOff$ = new Subject<void>();
  private isCutOff = false;

  /** @throws InvalidArgumentError unless `options` have either a client or a connection */
  constructor(private readonly options: ClusterTransportOptions) {
    super();
    this.connection = transportClient(options, 'wildcards');
    if (options.sharded && options.wildcards) {
      throw new InvalidArgumentError('wildcards', 'Sharded channels have no patterns');
    }
    this.initializeSerializer(options as never);
    this.initializeDeserializer(options as never);
  }

  /**
   * Subscribes all handlers; calls back once the servers have confirmed that, or with what went wrong. A subscription
   * that fails later is logged and made anew until it succeeds; `status` is `reconnecting` meanwhile.
   */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    this.subscriptions = [...this.messageHandlers.keys()].map((name) => this.subscriptionOf(name));
    try {
      await this.client.connect();
      await Promise.all(this.subscriptions.map((subscription) => subscription.open()));
      this.setStatus('connected');
    } catch (error) {
      this.unsubscribe();
      return callback(error);
    }
    callback();
  }

  /**
   * Ends the subscriptions, waits up to 5 seconds for handlers that are at work, and ends the client if it is the
   * transport's own.
   */
  async close(): Promise<void> {
    this.unsubscribe();
    await this.inFlight.drain(DRAIN_MS);
    const { size } = this.inFlight;
    if (size > 0) {
      this.logger.warn(`Closed with ${size} messages unfinished`);
      this.isCutOff = true;
      this.cutOff$.next();
    }
    await this.connection.release();
  }

  /** Listens to an event of the client. */
  on(event: string, callback: (...args: unknown[]) => void): void {
    this.client.on(event, callback);
  }

  /** The client. */
  unwrap<T = ClusterClient>(): T {
    return this.client as T;
  }

  private get client(): ClusterClient {
    return this.connection.client;
  }

  /** One for each handler's name, so that one that the server refuses leaves the others alone. */
  private subscriptionOf(name: string): RetryingSubscription<ClusterMessage> {
    return new RetryingSubscription<ClusterMessage>({
      source: this.messages(name),
      confirmed: () => this.client.pubsub.ready(name),
      next: (message) => void this.handleMessage(message),
      onFailed: (error) => {
        this.failed.add(name);
        this.logError(`The subscription to ${name} has failed, and is made anew`, error);
        this.setStatus('reconnecting');
      },
      onRestored: () => {
        this.failed.delete(name);
        this.logger.log(`Subscribed to ${name} again`);
        if (this.failed.size === 0) this.setStatus('connected');
      },
      onClosed: () => this.setStatus('disconnected'),
    });
  }

  private messages(name: string): Observable<ClusterMessage> {
    const { pubsub } = this.client;
    const codec = { codec: packetCodec };
    if (this.options.wildcards) return pubsub.pattern(name, codec);
    return this.options.sharded ? pubsub.sharded(name, codec) : pubsub.channel(name, codec);
  }

  private unsubscribe(): void {
    for (const subscription of this.subscriptions) subscription.close();
  }

  private setStatus(status: 'connected' | 'reconnecting' | 'disconnected'): void {
    // oxlint-disable-next-line no-underscore-dangle -- Nest's name
    this._status$.next(status);
  }

  /** Never the packet in the log: it may hold anything. */
  private logError(what: string, error: unknown): void {
    // anything can be thrown
    const { message = String(error), stack } = (error ?? {}) as Partial<Error>;
    this.logger.error(`${what}: ${message}`, stack);
  }

  /** Never rejects. */
  private async handleMessage({ channel, pattern = channel, payload }: ClusterMessage): Promise<void> {
    const logFault = (error: unknown): void =>
      this.logError(`A message of ${channel} was not handled`, error);
    try {
      const packet = (await this.deserializer.deserialize(payload, { channel })) as Packet;
      const { metadata } = packet;
      const context = new ClusterContext(
        metadata === undefined ? [channel, pattern] : [channel, pattern, metadata],
      );
      const work =
        packet.id === undefined ? this.eventWork(packet, context) : this.requestWork(packet, context);
      await this.onProcessingStartHook(this.transportId, context, () => {
        // never rejects: a hook need not pass it on
        const working = work()
          .catch(logFault)
          .finally(() => this.onProcessingEndHook?.(this.transportId, context))
          .catch(logFault);
        this.inFlight.add(working);
        return working;
      });
    } catch (error) {
      logFault(error);
    }
  }

  /** What an event's handlers do. */
  private eventWork({ data }: Packet, context: ClusterContext): () => Promise<void> {
    const pattern = context.getPattern();
    return async () => {
      const handler = this.getHandlerByPattern(pattern);
      if (handler === null) return this.logger.error(`There is no handler for the event ${pattern}`);
      const result: unknown = await (handler as MessageHandler)(data, context);
      if (isObservable(result)) await this.waitForResult(result);
    };
  }

  /** Resolves when an event's handlers are done. What an exception filter makes of an error has been logged by Nest. */
  private async waitForResult(result: Observable<unknown>): Promise<void> {
    try {
      await lastValueFrom(result.pipe(takeUntil(this.cutOff$)), { defaultValue: undefined });
    } catch (error) {
      if (error instanceof Error) throw error;
    }
  }

  /** What a request's handler does, and the answer to it. */
  private requestWork({ id, replyTo, data }: Packet, context: ClusterContext): () => Promise<void> {
    // a caller that names no channel is none of ours, and reads no more than Nest's packets
    const isKeyslotCaller = typeof replyTo === 'string' && replyTo !== '';
    const target: ReplyTarget = isKeyslotCaller
      ? { channel: replyTo, extras: { instance: this.instance } }
      : { channel: `${context.getChannel()}.reply`, extras: {} };
    const reply = (response: WritePacket): Promise<void> =>
      this.reply(target, Object.assign(response, { id }));
    return async () => {
      const handler = this.getHandlerByPattern(context.getPattern());
      if (handler === null) return reply({ err: NO_HANDLER, status: 'error', isDisposed: true });
      try {
        const result: unknown = await (handler as MessageHandler)(data, context);
        await this.respond(context, this.transformToObservable(result) as Observable<unknown>, reply);
      } catch (error) {
        await reply({ err: INTERNAL_ERROR, isDisposed: true });
        throw error;
      }
    };
  }

  /** Sends all that a handler gives, and resolves once the last of it has been sent. */
  private respond(
    context: ClusterContext,
    values: Observable<unknown>,
    reply: (response: WritePacket) => Promise<void>,
  ): Promise<void> {
    let hasBegun = false;
    return new Promise((resolve) => {
      this.send(values.pipe(takeUntil(this.cutOff$)), async (response) => {
        // a caller who has had no part of an answer may get that of another instance
        if (!this.isCutOff) await reply(this.withReadableError(response, context));
        else if (hasBegun) await reply({ err: CUT_OFF, isDisposed: true });
        hasBegun = true;
        if (response.isDisposed) resolve();
      });
    });
  }

  /** An error of which JSON would hold nothing, such as that of a faulty filter, is logged, and told as Nest does. */
  private withReadableError(response: WritePacket, context: ClusterContext): WritePacket {
    const { err } = response as { err: unknown };
    if (this.options.serializer !== undefined || !types.isNativeError(err) || Object.keys(err).length > 0)
      return response;
    this.logError(`A message of ${context.getChannel()} was not handled`, err);
    return { ...response, err: INTERNAL_ERROR };
  }

  /** Never rejects. A reply that the serializer refuses becomes an error for the caller. */
  private async reply({ channel, extras }: ReplyTarget, response: OutgoingResponse): Promise<void> {
    try {
      const outgoing = await this.serializeResponse(response, extras).catch((error: unknown) => {
        this.logError(`A reply to ${channel} could not be written`, error);
        return this.serializeResponse({ id: response.id, err: INTERNAL_ERROR, isDisposed: true }, extras);
      });
      const { pubsub } = this.client;
      await (this.options.sharded
        ? pubsub.publishSharded(channel, outgoing, { codec: 'text' })
        : pubsub.publish(channel, outgoing, { codec: 'text' }));
    } catch (error) {
      this.logError(`No reply to ${channel}`, error);
    }
  }

  private async serializeResponse(response: OutgoingResponse, extras: object): Promise<string> {
    const serialized: unknown = await this.serializer.serialize(response);
    // what a serializer makes of it may be anything
    if (typeof serialized !== 'object' || serialized === null) return writePacket(serialized);
    const packet: { err?: unknown } = { ...serialized, ...extras };
    return writePacket('err' in packet ? { ...packet, err: plainError(packet.err) } : packet);
  }
}

/** An error with properties of its own as these, which are what JSON holds of it; all else as it is. */
function plainError(err: unknown): unknown {
  return types.isNativeError(err) && !('toJSON' in err) && Object.keys(err).length > 0 ? { ...err } : err;
}
