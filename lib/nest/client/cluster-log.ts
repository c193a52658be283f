import type { Logger } from '@nestjs/common';
import type { ClusterClient } from '../../client/cluster-client.js';
import { nameList } from '../common/name-list.js';

/** How often unreadable messages are spoken of at most, in ms: whoever publishes them may do so all the time. */
const UNREADABLE_MS = 10_000;

/** Writes to the log what happens to a client. Neither payloads nor what codecs say of them. */
export function logEvents(client: ClusterClient, name: string, logger: Logger): void {
  // not 'ready': a listener of that would have the client connect, before the module does
  client.on('connect', () => {
    const { primaries, replicas } = client.topology;
    logger.log(`Cluster '${name}' is connected: ${primaries.length} primaries, ${replicas.length} replicas`);
  });
  client.on('+node', (node) => {
    // before it is ready, all nodes are new
    if (client.status === 'ready') logger.log(`Cluster '${name}' has a new node, ${node.name}`);
  });
  client.on('-node', (node) => logger.warn(`Cluster '${name}' has lost node ${node.name}`));
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
      `A message of ${channel} is not what its codec reads, and is passed over; pubsub.errors$ has it`,
    );
  });
}
