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
import { isObservable, lastValueFrom, Subject, takeUntil, tap, type Observable } from 'rxjs';
import type { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { traceMessage, type NoteFailure } from '../pubsub/messages/trace-message.js';
import type { ClusterMessage } from '../pubsub/subscriptions/cluster-message.js';
import { ClusterContext, type ClusterPacketMetadata } from './cluster-context.js';
import { RetryingSubscription } from './retrying-subscription.js';
import { packetCodec, plainError, writePacket } from './packet-codec.js';
import { MessagesInFlight } from './messages-in-flight.js';
import { transportClient, type ClusterTransportOptions, type TransportClient } from './transport-options.js';

/** A request, or an event if it has no id. */
type Packet = IncomingRequest & { readonly replyTo?: unknown; readonly metadata?: ClusterPacketMetadata };

/** The channel of a reply, and the properties of its packet that are not Nest's. */
interface ReplyTarget {
  readonly channel: string;
  readonly extras: object;
}

/** What handlers do for a message. */
type Work = (noteFailure: NoteFailure) => Promise<void>;

/** The events of the client. */
type TransportEvents = Record<string, (...args: unknown[]) => void>;

const NO_HANDLER = 'There is no matching message handler defined in the remote service.';
/** Nest's answer for any error that is not an RpcException. */
const INTERNAL_ERROR = { status: 'error', message: 'Internal server error' };
const CUT_OFF = { status: 'error', message: 'The service was closed before its answer was complete' };
const TRANSPORT_ID = Symbol('keyslot.ClusterTransport');
/** How long `close()` waits for running handlers, in ms. */
const DRAIN_MS = 5_000;

/**
 * A transport for Nest microservices over the pub/sub of a cluster, for `@MessagePattern` and `@EventPattern`
 * handlers. It uses the packet format of Nest's own Redis transport, which cannot connect to a cluster.
 *
 * Pub/sub reaches every instance that subscribes: each instance handles every event and answers every
 * request, and the caller takes the first answer. An error thrown by a handler, filter, interceptor,
 * serializer or hook does not end the process: it is logged, and the caller of a request receives an error.
 */
export class ClusterTransport extends Server<TransportEvents> implements CustomTransportStrategy {
  override readonly transportId = TRANSPORT_ID;
  private readonly connection: TransportClient;
  /** Lets a caller distinguish the answers of this instance from those of others. */
  private readonly instance = randomBytes(9).toString('base64');
  private subscriptions: readonly RetryingSubscription<ClusterMessage>[] = [];
  private readonly failed = new Set<string>();
  private readonly inFlight = new MessagesInFlight();
  private readonly cutOff$ = new Subject<void>();
  private isCutOff = false;

  /**
   * @throws InvalidArgumentError unless exactly one of `client` and `connection` is given, and for
   *   `wildcards` with `sharded`
   */
  constructor(private readonly options: ClusterTransportOptions) {
    super();
    this.connection = transportClient(options, 'wildcards');
    if (options.sharded && options.wildcards) {
      throw new InvalidArgumentError(
        'wildcards',
        '"wildcards" cannot be combined with "sharded": Redis has no patterns of sharded channels',
      );
    }
    this.initializeSerializer(options as never);
    this.initializeDeserializer(options as never);
  }

  /**
   * Subscribes all handlers. Calls back once the servers have confirmed the subscriptions, or with the error.
   * A subscription that fails later is logged and retried until it succeeds; `status` is `reconnecting`
   * meanwhile.
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
   * Ends the subscriptions, waits up to 5 seconds for running handlers, and closes the client if the
   * transport created it.
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

  /** Adds a listener for an event of the client. */
  on(event: string, callback: (...args: unknown[]) => void): void {
    this.client.on(event, callback);
  }

  /** Returns the client. */
  unwrap<T = ClusterClient>(): T {
    return this.client as T;
  }

  private get client(): ClusterClient {
    return this.connection.client;
  }

  /** Creates a subscription per handler name, so that one the server rejects does not affect the others. */
  private subscriptionOf(name: string): RetryingSubscription<ClusterMessage> {
    return new RetryingSubscription<ClusterMessage>({
      source: this.messages(name),
      confirmed: () => this.client.pubsub.ready(name),
      next: (message) => void this.handleMessage(message),
      onFailed: (error) => {
        this.failed.add(name);
        this.logError(`The subscription to ${name} failed and will be retried`, error);
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

  private get kind(): 'channel' | 'pattern' | 'sharded' {
    if (this.options.wildcards) return 'pattern';
    return this.options.sharded ? 'sharded' : 'channel';
  }

  private messages(name: string): Observable<ClusterMessage> {
    return this.client.pubsub[this.kind](name, { codec: packetCodec });
  }

  private unsubscribe(): void {
    for (const subscription of this.subscriptions) subscription.close();
  }

  private setStatus(status: 'connected' | 'reconnecting' | 'disconnected'): void {
    // oxlint-disable-next-line no-underscore-dangle -- Nest's name
    this._status$.next(status);
  }

  /** Never logs the packet, which may contain secrets. */
  private logError(what: string, error: unknown): void {
    // anything can be thrown
    const { message = String(error), stack } = (error ?? {}) as Partial<Error>;
    this.logger.error(`${what}: ${message}`, stack);
  }

  /** Never rejects. */
  private async handleMessage(message: ClusterMessage): Promise<void> {
    const { channel, pattern = channel, payload } = message;
    const logFault = (error: unknown): void =>
      this.logError(`A message of ${channel} was not handled`, error);
    try {
      const packet = (await this.deserializer.deserialize(payload, { channel })) as Packet;
      const { metadata } = packet;
      const context = new ClusterContext(
        metadata === undefined ? [channel, pattern] : [channel, pattern, metadata],
      );
      const isEvent = packet.id === undefined;
      const work = isEvent ? this.eventWork(packet, context) : this.requestWork(packet, context);
      await this.onProcessingStartHook(this.transportId, context, () => {
        // must not reject: a hook may ignore the promise
        const run = { handler: pattern, kind: this.kind, message: { ...message, headers: metadata } };
        const working = traceMessage(run, work)
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

  /** Returns the work that an event's handlers do. */
  private eventWork({ data }: Packet, context: ClusterContext): Work {
    const pattern = context.getPattern();
    return async (noteFailure) => {
      const handler = this.getHandlerByPattern(pattern);
      if (handler === null) return this.logger.error(`There is no handler for the event ${pattern}`);
      const result: unknown = await (handler as MessageHandler)(data, context);
      if (isObservable(result)) await this.waitForResult(result.pipe(tap({ error: noteFailure })));
    };
  }

  /** Resolves when an event's handlers are done. Nest has logged errors that an exception filter returned. */
  private async waitForResult(result: Observable<unknown>): Promise<void> {
    try {
      await lastValueFrom(result.pipe(takeUntil(this.cutOff$)), { defaultValue: undefined });
    } catch (error) {
      if (error instanceof Error) throw error;
    }
  }

  /** Returns the work that a request's handler does, including its answer. */
  private requestWork({ id, replyTo, data }: Packet, context: ClusterContext): Work {
    // a caller that names no reply channel is not a ClusterClientProxy, and reads Nest's packets only
    const isKeyslotCaller = typeof replyTo === 'string' && replyTo !== '';
    const target: ReplyTarget = isKeyslotCaller
      ? { channel: replyTo, extras: { instance: this.instance } }
      : { channel: `${context.getChannel()}.reply`, extras: {} };
    const reply = (response: WritePacket): Promise<void> =>
      this.reply(target, Object.assign(response, { id }));
    return async (noteFailure) => {
      const handler = this.getHandlerByPattern(context.getPattern());
      if (handler === null) return reply({ err: NO_HANDLER, status: 'error', isDisposed: true });
      try {
        const result: unknown = await (handler as MessageHandler)(data, context);
        const values = this.transformToObservable(result) as Observable<unknown>;
        await this.respond(context, values.pipe(tap({ error: noteFailure })), reply);
      } catch (error) {
        await reply({ err: INTERNAL_ERROR, isDisposed: true });
        throw error;
      }
    };
  }

  /** Sends every value that a handler emits, and resolves once the last one has been sent. */
  private respond(
    context: ClusterContext,
    values: Observable<unknown>,
    reply: (response: WritePacket) => Promise<void>,
  ): Promise<void> {
    let hasBegun = false;
    return new Promise((resolve) => {
      this.send(values.pipe(takeUntil(this.cutOff$)), async (response) => {
        // a caller that has received no part of an answer may still get that of another instance
        if (!this.isCutOff) await reply(this.withReadableError(response, context));
        else if (hasBegun) await reply({ err: CUT_OFF, isDisposed: true });
        hasBegun = true;
        if (response.isDisposed) resolve();
      });
    });
  }

  /**
   * Logs an error that JSON would write as `{}`, such as that of a faulty filter, and answers as Nest does.
   */
  private withReadableError(response: WritePacket, context: ClusterContext): WritePacket {
    const { err } = response as { err: unknown };
    if (this.options.serializer !== undefined || !types.isNativeError(err) || Object.keys(err).length > 0)
      return response;
    this.logError(`A message of ${context.getChannel()} was not handled`, err);
    return { ...response, err: INTERNAL_ERROR };
  }

  /** Never rejects. If the serializer rejects a reply, the caller receives an error. */
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
      this.logError(`A reply to ${channel} could not be sent`, error);
    }
  }

  private async serializeResponse(response: OutgoingResponse, extras: object): Promise<string> {
    const serialized: unknown = await this.serializer.serialize(response);
    // a serializer may return anything
    if (typeof serialized !== 'object' || serialized === null) return writePacket(serialized);
    const packet: { err?: unknown } = { ...serialized, ...extras };
    return writePacket('err' in packet ? { ...packet, err: plainError(packet.err) } : packet);
  }
}
