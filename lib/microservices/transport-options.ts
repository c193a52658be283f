import type {
  ConsumerDeserializer,
  ConsumerSerializer,
  ProducerDeserializer,
  ProducerSerializer,
} from '@nestjs/microservices';
import type { ClusterClientOptions } from '../client/client-options.js';
import { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { notOurs } from '../cluster/common/package-copies.js';

/** Over what messages go. */
export interface TransportOptions {
  /** The client of the application. It is used, and not closed. */
  client?: ClusterClient | undefined;
  /** Options of a client that the transport makes for itself, and closes; instead of `client`. */
  connection?: ClusterClientOptions | undefined;
  /**
   * Sharded pub/sub, which does not pass every message to every node; both sides have to agree. Needs Redis 7.
   * Default false.
   */
  sharded?: boolean | undefined;
}

/** What `ClusterTransport` takes. */
export interface ClusterTransportOptions extends TransportOptions {
  /** Whether the patterns of handlers are glob-style patterns of channels. Not with `sharded`. Default false. */
  wildcards?: boolean | undefined;
  serializer?: ConsumerSerializer | undefined;
  deserializer?: ConsumerDeserializer | undefined;
}

/** What `ClusterClientProxy` takes. */
export interface ClusterClientProxyOptions extends TransportOptions {
  serializer?: ProducerSerializer | undefined;
  deserializer?: ProducerDeserializer | undefined;
}

/** A client, and how to let go of it. */
export interface TransportClient {
  readonly client: ClusterClient;
  release(): Promise<void>;
}

/** The options that a transport and a proxy both have. */
const SHARED_OPTIONS = ['client', 'connection', 'sharded', 'serializer', 'deserializer'];

/**
 * The client that is meant.
 * @param more names of options beside those that all transports have
 * @throws InvalidArgumentError unless there is exactly one, and for an unknown option
 */
export function transportClient(options: TransportOptions, ...more: string[]): TransportClient {
  checkOptionNames('a transport', options, [...SHARED_OPTIONS, ...more]);
  const { client, connection } = options;
  if ((client === undefined) === (connection === undefined)) {
    throw new InvalidArgumentError(
      'client',
      'A transport takes either a client, or the connection of its own',
    );
  }
  if (client === undefined) {
    const own = new ClusterClient(connection);
    return { client: own, release: () => own.close() };
  }
  if (!(client instanceof ClusterClient)) {
    throw new InvalidArgumentError(
      'client',
      notOurs(client, 'The client of a transport must be a ClusterClient'),
    );
  }
  return { client, release: async () => {} };
}
