import { nodeName, type NodeAddress } from '../topology/topology.js';

/** An address that a node announces, and the one at which it is reached. */
export interface Remapping {
  readonly announced: NodeAddress;
  readonly reached: NodeAddress;
}

/** Returns the option `addressRemap` as code that maps these addresses, and leaves the others as they are. */
export function remapCode(mappings: readonly Remapping[]): string {
  const hosts = new Set(mappings.map(({ announced }) => announced.host));
  const targets = new Set(mappings.map(({ reached }) => reached.host));
  const keepsPorts = mappings.every(({ announced, reached }) => announced.port === reached.port);
  if (keepsPorts && hosts.size === 1 && targets.size === 1) {
    const [[host], [target]] = [[...hosts], [...targets]];
    return (
      'addressRemap: ({ host, port }) => ' +
      `({ host: host === ${quoted(host)} ? ${quoted(target)} : host, port })`
    );
  }
  const entries = mappings.map(
    ({ announced, reached }) =>
      `[${quoted(nodeName(announced))}, { host: ${quoted(reached.host)}, port: ${reached.port} }]`,
  );
  return (
    `addressRemap: (address) => new Map([${entries.join(', ')}])` +
    '.get(`${address.host}:${address.port}`) ?? address'
  );
}

/** Text of a server as a string literal. */
export const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
