import {
  Server,
  type CustomTransportStrategy,
  type IncomingRequest,
  type MessageHandler,
  type OutgoingResponse,
  type WritePacket,
} from '@nestjs/microservices';
import type { Observable, Subscription } from 'rxjs';
import type { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/errors.js';
import type { ClusterMessage } from '../pubsub/cluster-message.js';
import { ClusterContext } from './cluster-context.js';
import { packetCodec } from './packet-codec.js';
import { transportClient, type ClusterTransportOptions, type TransportClient } from './transport-options.js';

/** A request, or an event where it has no id. */
type Packet = IncomingRequest & { readonly replyTo?: unknown };

/** Those of the client. */
type TransportEvents = Record<string, (...args: unknown[]) => void>;

const NO_HANDLER = 'There is no matching message handler defined in the remote service.';
const TRANSPORT_ID = Symbol('keyslot.ClusterTransport');

/**
 * A transport for Nest's microservices over the pub/sub of a cluster: `@MessagePattern` and `@EventPattern` handlers. It
 * speaks as Nest's own Redis transport does, which cannot connect to a cluster.
 *
 * Pub/sub reaches every instance that subscribes: each handles every event, and each answers every request, of which the
 * first answer counts.
 */
export class ClusterTransport extends Server<TransportEvents> implements CustomTransportStrategy {
  override readonly transportId = TRANSPORT_ID;
  private readonly connection: TransportClient;
  private subscription: Subscription | undefined = undefined;

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

  /** Subscribes all handlers; calls back once the servers have confirmed that, or with what went wrong. */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    const { pubsub } = this.client;
    const names = [...this.messageHandlers.keys()];
    try {
      await this.client.connect();
      if (names.length > 0) {
        this.subscription = this.messages(names).subscribe({
          next: (message) => void this.handleMessage(message),
          error: (error: Error) => this.logger.error(error.message, error.stack),
        });
        await pubsub.ready(names);
      }
      // oxlint-disable-next-line no-underscore-dangle -- Nest's name
      this._status$.next('connected');
    } catch (error) {
      return callback(error);
    }
    callback();
  }

  /** Ends the subscriptions, and the client if it is the transport's own. */
  async close(): Promise<void> {
    this.subscription?.unsubscribe();
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

  private messages(names: string[]): Observable<ClusterMessage> {
    const { pubsub } = this.client;
    const codec = { codec: packetCodec };
    if (this.options.wildcards) return pubsub.pattern(names, codec);
    return this.options.sharded ? pubsub.sharded(names, codec) : pubsub.channel(names, codec);
  }

  /** Never the packet in the log: it may hold anything. */
  private async handleMessage({ channel, pattern = channel, payload }: ClusterMessage): Promise<void> {
    try {
      const packet = (await this.deserializer.deserialize(payload, { channel })) as Packet;
      const context = new ClusterContext([channel, pattern]);
      if (packet.id === undefined) await this.handleEvent(pattern, packet, context);
      else await this.answer(packet, context);
    } catch (error) {
      const { message, stack } = error as Error;
      this.logger.error(`A message of ${channel} was not handled: ${message}`, stack);
    }
  }

  private async answer(packet: Packet, context: ClusterContext): Promise<void> {
    const { id, replyTo } = packet;
    const target = typeof replyTo === 'string' && replyTo !== '' ? replyTo : `${context.getChannel()}.reply`;
    const reply = (response: WritePacket): Promise<unknown> =>
      this.reply(target, Object.assign(response, { id }));
    const handler = this.getHandlerByPattern(context.getPattern());
    if (handler === null) {
      await reply({ err: NO_HANDLER, status: 'error', isDisposed: true });
      return;
    }
    this.onProcessingStartHook(this.transportId, context, async () => {
      const result: unknown = await (handler as MessageHandler)(packet.data, context);
      this.send(this.transformToObservable(result) as Observable<unknown>, reply);
    });
  }

  private async reply(target: string, response: OutgoingResponse): Promise<unknown> {
    const { pubsub } = this.client;
    const outgoing: unknown = await this.serializer.serialize(response);
    const sent = this.options.sharded
      ? pubsub.publishSharded(target, outgoing, { codec: packetCodec })
      : pubsub.publish(target, outgoing, { codec: packetCodec });
    return sent.catch((error: Error) =>
      this.logger.error(`No reply to ${target}: ${error.message}`, error.stack),
    );
  }
}
