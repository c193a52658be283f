import { ClusterClient, type ClusterLogger, type ClusterStats, type LogEntry, type LogKind } from 'keyslot';

export function read(stats: ClusterStats): number {
  const { total, nodes, topology, pubsub, entities, cache } = stats;
  const [node] = Object.values(nodes);
  node.role satisfies 'primary' | 'replica' | undefined;
  total.errors['WRONGTYPE'] satisfies number | undefined;
  pubsub.gaps satisfies Readonly<Record<string, number>>;
  entities.outboxLagMs satisfies number | undefined;
  cache?.hits satisfies number | undefined;
  // @ts-expect-error -- without the option there is none
  void cache.hits;
  // @ts-expect-error -- only nodes have a role
  void total.role;
  // @ts-expect-error -- it is a snapshot
  total.commands = 0;
  // @ts-expect-error -- there is no such statistic
  void total.latency;
  return total.roundTripMs.p99 + total.leases.max + topology.version;
}

export function line(entry: LogEntry): string {
  const { kind, level, fields, clientName = '' } = entry;
  kind satisfies 'error' | 'topology' | 'slow' | 'command';
  console[level](entry.message, fields.durationMs?.toFixed(1));
  fields.outcome satisfies 'ok' | 'error' | 'unknown' | undefined;
  // @ts-expect-error -- entries hold no keys
  void fields.keys;
  // @ts-expect-error -- entries are not to be changed
  entry.message = '';
  return clientName;
}

const logger: ClusterLogger = async (entry) => line(entry);
const kinds: LogKind[] = ['error', 'slow'];
export const client = new ClusterClient({ logging: kinds, logger });
client.stats$.subscribe((stats) => read(stats));
// @ts-expect-error -- there is no such kind
new ClusterClient({ logging: ['errors'], logger });
