import { LocalClusterError } from '../common/local-cluster-error.js';
import type { LocalClusterOptions } from '../common/local-cluster-options.js';

/** The cluster that a kept folder holds. */
export interface HeldCluster {
  /** The version of this record. */
  readonly format: 1;
  /** The ports of all nodes, in their order; none until they are a cluster. */
  readonly ports: readonly number[];
  /** How it was created; nodes may have been added since. */
  readonly primaries: number;
  readonly replicasPerPrimary: number;
  readonly tls: boolean;
  /** Whether the nodes are a cluster. If not, the first start did not get that far, and there is no data. */
  readonly formed: boolean;
}

/** What the options of a start must not contradict. */
const FIXED: readonly [option: keyof LocalClusterOptions & keyof HeldCluster, what: string][] = [
  ['primaries', 'primaries'],
  ['replicasPerPrimary', 'replicas per primary'],
];

/**
 * Returns the options of a start with those of the cluster that the folder holds.
 * @throws LocalClusterError `OTHER_CLUSTER` if they contradict each other
 */
export function withHeldOptions(
  options: LocalClusterOptions,
  folder: string,
  held: HeldCluster,
): LocalClusterOptions {
  const other = (has: string, got: string): LocalClusterError =>
    new LocalClusterError(
      'OTHER_CLUSTER',
      `The folder ${folder} holds another cluster: ${has}, got ${got}. Leave the option out, or name ` +
        'another folder',
    );
  for (const [option, what] of FIXED) {
    if (options[option] !== undefined && options[option] !== held[option])
      throw other(`${what}: ${held[option]}`, String(options[option]));
  }
  if (options.port !== undefined && options.port !== held.ports[0])
    throw other(`first port: ${held.ports[0]}`, String(options.port));
  if (options.tls !== undefined && options.tls !== held.tls)
    throw other(`TLS: ${held.tls}`, String(options.tls));
  const { primaries, replicasPerPrimary, tls, ports } = held;
  return { ...options, primaries, replicasPerPrimary, tls, port: ports[0] };
}

/** Reads the record of a folder; undefined if it is not one that this version can read. */
export function parseHeldCluster(text: string): HeldCluster | undefined {
  try {
    const held = JSON.parse(text) as HeldCluster;
    return held.format === 1 && Array.isArray(held.ports) ? held : undefined;
  } catch {
    return undefined;
  }
}
