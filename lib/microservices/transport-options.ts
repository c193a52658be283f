import type {
  ConsumerDeserializer,
  ConsumerSerializer,
  ProducerDeserializer,
  ProducerSerializer,
} from '@nestjs/microservices';
import type { ClusterClientOptions } from '../client/client-options.js';
import { checkClient } from '../client/check-client.js';
import { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { checkOptionNames } from '../cluster/common/check-option-names.js';

/** The client and channels that a transport or its client proxy uses. */
export interface TransportOptions {
  /** A client of the application. The transport uses it and does not close it. */
  client?: ClusterClient | undefined;
  /** Options of a client that the transport creates and closes itself; instead of `client`. */
  connection?: ClusterClientOptions | undefined;
  /**
   * Whether to use sharded pub/sub, which keeps a message in one shard rather than send it to every node. The
   * transport and its client proxies must use the same value. Needs Redis 7. Default false.
   */
  sharded?: boolean | undefined;
}

/** Options of `ClusterTransport`. */
export interface ClusterTransportOptions extends TransportOptions {
  /**
   * Whether the patterns of handlers are glob-style patterns of channels. Cannot be combined with `sharded`.
   * Default false.
   */
  wildcards?: boolean | undefined;
  /** Writes replies. Default: packets as JSON. */
  serializer?: ConsumerSerializer | undefined;
  /** Reads requests and events. */
  deserializer?: ConsumerDeserializer | undefined;
}

/** Options of `ClusterClientProxy`. */
export interface ClusterClientProxyOptions extends TransportOptions {
  /** Writes requests and events. Default: packets as JSON. */
  serializer?: ProducerSerializer | undefined;
  /** Reads replies. */
  deserializer?: ProducerDeserializer | undefined;
}

/** A client, and how to release it. */
export interface TransportClient {
  readonly client: ClusterClient;
  release(): Promise<void>;
}

/** The options that a transport and a client proxy share. */
const SHARED_OPTIONS = ['client', 'connection', 'sharded', 'serializer', 'deserializer'];

/**
 * Returns the client that the options give or describe.
 * @param more names of options beside the shared ones
 * @throws InvalidArgumentError unless exactly one of `client` and `connection` is given, and for an unknown
 *   option
 */
export function transportClient(options: TransportOptions, ...more: string[]): TransportClient {
  checkOptionNames('a transport', options, [...SHARED_OPTIONS, ...more]);
  const { client, connection } = options;
  if ((client === undefined) === (connection === undefined)) {
    throw new InvalidArgumentError(
      'client',
      `A transport needs either "client" or "connection", got ${client === undefined ? 'neither' : 'both'}`,
    );
  }
  if (client === undefined) {
    const own = new ClusterClient(connection);
    return { client: own, release: () => own.close() };
  }
  checkClient(client, 'client', 'A transport');
  return { client, release: async () => {} };
}
