import { randomBytes } from 'node:crypto';
import { resolveLocalClusterOptions, type LocalClusterOptions } from '../common/local-cluster-options.js';
import { DataFolder } from '../folder/data-folder.js';
import { withHeldOptions } from '../folder/held-cluster.js';
import { certificatesIn, readCertificates } from '../server/certificates.js';
import type { NodeSettings } from '../server/local-node.js';
import { OrphanReaper } from '../server/orphan-reaper.js';
import { findServerBinary } from '../server/server-binary.js';
import { checkServerVersion } from '../server/server-version.js';

const HOST = '127.0.0.1';

/** What a local cluster is started with. */
export interface ClusterSettings extends NodeSettings {
  readonly folder: DataFolder;
}

/** Checks the options, finds the server, and opens the data folder. */
export async function openSettings(given: LocalClusterOptions): Promise<ClusterSettings> {
  const { binary: wanted, signal, dir } = resolveLocalClusterOptions(given);
  signal?.throwIfAborted();
  const binary = findServerBinary(wanted);
  await checkServerVersion(binary);
  const folder = dir === undefined ? DataFolder.temporary() : await DataFolder.keep(dir);
  try {
    const { cluster, path, isKept } = folder;
    const options = resolveLocalClusterOptions(
      cluster === undefined ? given : withHeldOptions(given, path, cluster),
    );
    const certificates = options.tls ? await certificatesIn(path, HOST) : undefined;
    return {
      options,
      host: HOST,
      ownPassword: randomBytes(16).toString('hex'),
      binary,
      folder,
      orphanReaper: new OrphanReaper(path, isKept),
      certificates,
      tls: certificates && (await readCertificates(certificates)),
    };
  } catch (error) {
    await folder.release();
    throw error;
  }
}

/** Records in a kept folder which nodes the cluster has; none while it is being formed. */
export function recordCluster({ folder, options }: ClusterSettings, ports: readonly number[]): void {
  const { primaries, replicasPerPrimary, tls } = options;
  folder.record({ format: 1, ports, primaries, replicasPerPrimary, tls, formed: ports.length > 0 });
}
