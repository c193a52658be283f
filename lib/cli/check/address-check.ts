import { remapCode } from '../../cluster/discovery/remap-code.js';
import { nodeName } from '../../cluster/topology/topology.js';
import { counted } from '../common/counted.js';
import type { ClusterFacts, UnusableAddress } from './collect-facts.js';
import type { Check, Finding } from './finding.js';

/** A mapping that `addressRemap` should do. */
export interface Remapping {
  readonly from: string;
  readonly to: string;
}

/** Whether clients here can use the addresses that the nodes announce. */
export const ADDRESS_CHECK: Check = { id: 'addresses', run: checkAddresses };

function checkAddresses({ nodes, unusable }: ClusterFacts): Finding {
  if (unusable.length === 0)
    return {
      status: 'ok',
      summary: `all announced addresses lead to their nodes (${counted(nodes.length, 'node')})`,
    };
  const option = remapOption(unusable);
  return {
    status: 'problem',
    summary: `${counted(unusable.length, 'announced address', 'announced addresses')} cannot be used from here`,
    details: unusable.map(describe),
    advice:
      option === undefined
        ? 'Have the nodes announce others (cluster-announce-ip, cluster-announce-hostname, cluster-announce-port), ' +
          'or name a reachable address of each node by --nodes to see the addressRemap that fits'
        : `Give the client this option, or have the nodes announce others (cluster-announce-ip):\n  ${option}`,
  };
}

function describe({ announced, announcedBy, reason, reachable }: UnusableAddress): string {
  const where = reachable === undefined ? '' : `; the node was found at ${nodeName(reachable)}`;
  const by =
    announcedBy.length > 2
      ? `${announcedBy[0]} and ${announcedBy.length - 1} others`
      : announcedBy.join(', ');
  return `${nodeName(announced)}, announced by ${by}: ${reason}${where}`;
}

/** Returns the mappings of the addresses whose nodes were found elsewhere. */
export function remappingsOf(unusable: readonly UnusableAddress[]): Remapping[] {
  return unusable.flatMap(({ announced, reachable }) =>
    reachable === undefined ? [] : [{ from: nodeName(announced), to: nodeName(reachable) }],
  );
}

/** Returns the option as code; undefined unless all nodes were found. */
function remapOption(unusable: readonly UnusableAddress[]): string | undefined {
  const mappings = unusable.flatMap(({ announced, reachable }) =>
    reachable === undefined ? [] : [{ announced, reached: reachable }],
  );
  return mappings.length < unusable.length ? undefined : remapCode(mappings);
}
