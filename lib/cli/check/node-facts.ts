import { parseClusterInfo, type ClusterInfo } from '../../client/admin/cluster-info.js';
import { parseNodeLines, type SeenNode } from '../../cluster/topology/node-lines.js';
import { parseShards } from '../../client/cluster-calls/shard-nodes.js';
import { AuthenticationError, ReplyError, TopologyError } from '../../cluster/common/errors.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import { fieldsOf } from '../../cluster/topology/reply-fields.js';
import type { NodeAddress } from '../../cluster/topology/topology.js';
import type { NodeLink } from './node-link.js';

/** What one node says of itself and of the cluster. */
export interface NodeFacts {
  /** Where it was reached, `host:port`. */
  readonly name: string;
  readonly id: string;
  readonly link: NodeLink;
  readonly self: SeenNode;
  /** All nodes, as this one sees them. */
  readonly seen: readonly SeenNode[];
  /** Where clients are told to connect to, by node id. */
  readonly announced: ReadonlyMap<string, NodeAddress>;
  /** Absent if the user may not run CLUSTER INFO. */
  readonly cluster: ClusterInfo | undefined;
  /** The fields of INFO; none if the user may not run it. */
  readonly info: ReadonlyMap<string, string>;
  /** Settings by name; none if the user may not run CONFIG GET. */
  readonly config: ReadonlyMap<string, string>;
}

const SETTINGS = [
  'appendonly',
  'cluster-require-full-coverage',
  'maxmemory',
  'maxmemory-policy',
  'notify-keyspace-events',
  'save',
];

/**
 * Asks a node about itself and the cluster.
 * @param withTls whether clients connect by TLS, for which nodes announce another port
 * @throws TopologyError `NOT_A_CLUSTER`; AuthenticationError if the user may not run CLUSTER NODES
 */
export async function readFacts(link: NodeLink, withTls: boolean): Promise<NodeFacts> {
  const seen = parseNodeLines(
    String(await link.call('CLUSTER', 'NODES').catch((error) => refuse(link, error))),
  );
  const [shards, cluster, info, config] = await Promise.all([
    permitted(link.call('CLUSTER', 'SHARDS')),
    permitted(link.call('CLUSTER', 'INFO')),
    permitted(link.call('INFO')),
    permitted(link.call('CONFIG', 'GET', ...SETTINGS)),
  ]);
  const self = seen.find(({ flags }) => flags.has('myself'));
  if (self === undefined)
    throw new TopologyError('NOT_A_CLUSTER', `${link.name} lists no nodes, not even itself`);
  return {
    name: link.name,
    id: self.id,
    link,
    self,
    seen,
    announced: announcedBy(link, seen, shards, withTls),
    cluster: cluster === undefined ? undefined : parseClusterInfo(String(cluster)),
    info: new Map(
      String(info ?? '')
        .split('\r\n')
        .flatMap(fieldOf),
    ),
    config: new Map([...fieldsOf(config ?? [])].map(([name, value]) => [name, String(value)])),
  };
}

function refuse({ name }: NodeLink, error: unknown): never {
  if (!(error instanceof ReplyError)) throw error;
  if (/cluster support disabled|unknown (sub)?command/i.test(error.message))
    throw new TopologyError('NOT_A_CLUSTER', `${name} is a single server, not a node of a cluster`);
  if (error.code !== 'NOPERM') throw error;
  throw new AuthenticationError(
    `${name} does not let this user run CLUSTER NODES, without which there is nothing to check. Grant it ` +
      '+cluster|nodes +cluster|shards +cluster|info +info +config|get, or connect as another user',
  );
}

/** Returns undefined where the server does not know a command, or does not let this user run it. */
async function permitted(reply: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof ReplyError) return undefined;
    throw error;
  }
}

const fieldOf = (line: string): [string, string][] => {
  const colon = line.indexOf(':');
  return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : [];
};

/** CLUSTER SHARDS has what clients are told; CLUSTER NODES, what the nodes tell each other, is the next best. */
function announcedBy(
  link: NodeLink,
  seen: readonly SeenNode[],
  shards: Reply | undefined,
  withTls: boolean,
): Map<string, NodeAddress> {
  const own = link.name.slice(0, link.name.lastIndexOf(':'));
  const announced = new Map<string, NodeAddress>();
  for (const { id, host, port } of seen) announced.set(id, { host: host || own, port });
  for (const { nodes } of parseShards(shards ?? [])) {
    for (const { id, endpoint, ip, port, tlsPort } of nodes) {
      const known = endpoint === '?' ? undefined : endpoint;
      const clientPort = withTls ? tlsPort : port;
      if (clientPort !== undefined) announced.set(id, { host: known ?? (ip || own), port: clientPort });
    }
  }
  return announced;
}
