import { EventEmitter } from 'node:events';
import type { Logger } from '@nestjs/common';
import type { ClusterClient } from '../../client/cluster-client.js';
import type { LogKind } from '../../cluster/logging/log-entry.js';
import { nameList } from '../common/name-list.js';

/** The shortest time between two log lines about unreadable messages, in ms: they may arrive in masses. */
const UNREADABLE_MS = 10_000;

/**
 * Logs the events of a client. Logs neither payloads nor errors of codecs, which may repeat payloads.
 * @param logging what the client logs itself, which is not logged twice
 */
export function logEvents(
  client: ClusterClient,
  name: string,
  logger: Logger,
  logging: readonly LogKind[] = [],
): void {
  if (!logging.includes('topology')) logNodes(client, name, logger);
  client.on('node error', (error: Error, node: string) => {
    logger.warn(`Cluster '${name}' has no connection to node ${node}: ${error.message}`);
  });
  client.pubsub.gaps$.subscribe(({ names, node, reason, since, until }) => {
    logger.warn(
      `Subscriber of cluster '${name}' was cut off ${node} for ${until - since} ms (${reason}); ` +
        `messages of ${nameList(names)} may be missing`,
    );
  });
  let quietUntil = 0;
  client.pubsub.errors$.subscribe(({ channel, receivedAt }) => {
    if (receivedAt < quietUntil) return;
    quietUntil = receivedAt + UNREADABLE_MS;
    logger.warn(
      `A message of ${channel} could not be decoded and was skipped; subscribe to pubsub.errors$ to receive it`,
    );
  });
}

function logNodes(client: ClusterClient, name: string, logger: Logger): void {
  const logConnect = (): void => {
    const { primaries, replicas } = client.topology;
    logger.log(`Cluster '${name}' is connected: ${primaries.length} primaries, ${replicas.length} replicas`);
  };
  // the client's own on() would make it connect, before the module does
  Reflect.apply(EventEmitter.prototype.on, client, ['connect', logConnect]);
  client.on('+node', (node) => {
    // until it is ready, every node is new
    if (client.status === 'ready') logger.log(`Cluster '${name}' has a new node, ${node.name}`);
  });
  client.on('-node', (node) => logger.warn(`Cluster '${name}' has lost node ${node.name}`));
}
