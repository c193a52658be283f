import { resolve } from 'node:path';
import { LocalCluster } from '../../testing/cluster/local-cluster.js';
import { holdsCluster } from '../../testing/folder/data-folder.js';
import type { LocalClusterOptions } from '../../testing/common/local-cluster-options.js';
import type { Arguments } from '../common/arguments.js';
import type { Command, CommandContext } from '../common/command.js';
import { counted } from '../common/counted.js';
import { EXIT, type ExitCode } from '../common/exit-code.js';
import { shutdownSignal } from '../common/shutdown-signal.js';
import { connectionHints, nodesText } from '../local/connection-hints.js';
import { untilEnd } from '../local/watch-nodes.js';

const DEFAULT_PORT = 7_000;
const MOST_NODES = 100;
const HIGHEST_PORT = 55_535;

/** `keyslot cluster`: a cluster for development. */
export const clusterCommand: Command = {
  name: 'cluster',
  summary: 'Start a local cluster and run it until Ctrl-C',
  takes: '',
  count: [0, 0],
  options: [
    {
      name: 'port',
      value: 'N',
      help: `Port of the first node; the others take the next ones (default ${DEFAULT_PORT})`,
    },
    {
      name: 'dir',
      value: 'DIR',
      help: 'Folder that keeps the data; without it, the data is deleted at the end',
    },
    { name: 'primaries', value: 'N', help: 'Primaries (default 3)' },
    { name: 'replicas', value: 'N', help: 'Replicas of each primary (default 1)' },
    { name: 'tls', help: 'Accept TLS only, with certificates made for this cluster (needs openssl)' },
  ],
  notes: [
    'Started again with the same --dir, the cluster has its data, ports and node ids again; the other options may be left\nout then.',
    'Needs redis-server 7 or later or valkey-server, on the PATH or named by KEYSLOT_REDIS_SERVER. The servers listen on\n127.0.0.1 only, without a password. They end with this process, however it ends.',
  ],
  async run(given, context) {
    const options = clusterOptions(given);
    const signal = shutdownSignal(context.environment);
    let cluster: LocalCluster | undefined;
    try {
      cluster = await LocalCluster.start({ ...options, signal });
      await printWelcome(cluster, options, context);
      return await runUntilEnd(cluster, signal, context);
    } catch (error) {
      if (signal.aborted) return EXIT.ok;
      throw error;
    } finally {
      await cluster?.stop();
    }
  },
};

function clusterOptions(given: Arguments): LocalClusterOptions {
  const dir = given.text('dir');
  const path = dir === undefined ? undefined : resolve(dir);
  // the cluster of a folder has its ports
  const port =
    given.count('port', 1, HIGHEST_PORT) ?? (path && holdsCluster(path) ? undefined : DEFAULT_PORT);
  return {
    port,
    dir: path,
    primaries: given.count('primaries', 1, MOST_NODES),
    replicasPerPrimary: given.count('replicas', 0, MOST_NODES),
    tls: given.has('tls') ? true : undefined,
  };
}

async function printWelcome(
  cluster: LocalCluster,
  { dir }: LocalClusterOptions,
  { terminal }: CommandContext,
): Promise<void> {
  const { primaries, replicas, seeds } = cluster;
  const ports = seeds.map(({ port }) => port);
  const info = String(await cluster.command(cluster.nodes[0], 'INFO', 'server'));
  const version = /^valkey_version:(\S+)/m.exec(info) ?? /^redis_version:(\S+)/m.exec(info);
  const server = `${info.includes('valkey_version') ? 'Valkey' : 'Redis'} ${version?.[1] ?? ''}`;
  const size = `${counted(primaries.length, 'primary', 'primaries')} and ${counted(replicas.length, 'replica')}`;
  const title = `A cluster of ${size} (${server}) runs at ${seeds[0].host}, ports ${ports.join(', ')}`;
  terminal.print(terminal.style('green', title));
  terminal.print(
    dir === undefined
      ? `Data: in ${cluster.dir}, deleted at the end (--dir keeps it)`
      : `Data: in ${cluster.dir}, kept`,
  );
  terminal.print();
  terminal.print(`export REDIS_CLUSTER_NODES=${nodesText(cluster)}`);
  terminal.print();
  for (const [purpose, line] of connectionHints(cluster))
    terminal.print(`${`${purpose}:`.padEnd(11)}${line}`);
  terminal.print();
  terminal.print('Ctrl-C ends it.');
}

async function runUntilEnd(
  cluster: LocalCluster,
  signal: AbortSignal,
  { terminal }: CommandContext,
): Promise<ExitCode> {
  const isLeft = await untilEnd(cluster, signal, (name) => terminal.warn(`The server ${name} has ended`));
  if (isLeft) return EXIT.ok;
  terminal.warn('All servers have ended');
  return EXIT.failed;
}
