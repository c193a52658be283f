import { join } from 'node:path';
import type { LocalCluster } from '../../testing/cluster/local-cluster.js';

/** The nodes of a cluster as `REDIS_CLUSTER_NODES` takes them. */
export function nodesText(cluster: LocalCluster): string {
  const scheme = cluster.tls === undefined ? '' : 'rediss://';
  return cluster.seeds.map(({ host, port }) => `${scheme}${host}:${port}`).join(',');
}

/** Lines that connect to a cluster, each with what it is for. */
export function connectionHints(cluster: LocalCluster): (readonly [purpose: string, line: string])[] {
  const [{ host, port }] = cluster.seeds;
  if (cluster.tls === undefined)
    return [
      ['redis-cli', `redis-cli -c -h ${host} -p ${port}`],
      ['Keyslot', `ClusterModule.forRoot({ nodes: ['${host}:${port}'] })`],
      ['check it', `npx keyslot check ${host}:${port}`],
    ];
  const ca = join(cluster.dir, 'ca.crt');
  return [
    ['redis-cli', `redis-cli -c -h ${host} -p ${port} --tls --cacert ${quoted(ca)}`],
    [
      'Keyslot',
      `ClusterModule.forRoot({ nodes: ['rediss://${host}:${port}'], tls: { ca: readFileSync(${JSON.stringify(ca)}) } })`,
    ],
    ['check it', `npx keyslot check ${host}:${port} --cacert ${quoted(ca)}`],
  ];
}

/** Returns a word as a shell reads it. */
const quoted = (word: string): string =>
  /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
