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
        : `Give the client this option, or have the nodes announce others (cluster-announce-ip):\n${option}`,
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

/** Returns the code of `addressRemap`; undefined unless all nodes were found. */
function remapOption(unusable: readonly UnusableAddress[]): string | undefined {
  if (unusable.some(({ reachable }) => reachable === undefined)) return undefined;
  const [{ reachable: first }] = unusable;
  const isSimple = unusable.every(
    ({ announced, reachable }) => reachable?.host === first?.host && reachable?.port === announced.port,
  );
  const hosts = [...new Set(unusable.map(({ announced }) => announced.host))];
  if (isSimple && hosts.length === 1)
    return (
      `  addressRemap: ({ host, port }) => ` +
      `({ host: host === ${quoted(hosts[0])} ? ${quoted(String(first?.host))} : host, port })`
    );
  const rows = unusable.map(
    ({ announced, reachable }) =>
      `    ${quoted(nodeName(announced))}: { host: ${quoted(String(reachable?.host))}, port: ${reachable?.port} },`,
  );
  return `  addressRemap: (node) => ({\n${rows.join('\n')}\n  })[\`\${node.host}:\${node.port}\`] ?? node`;
}

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
