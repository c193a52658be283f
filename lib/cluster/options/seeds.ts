import { InvalidArgumentError } from '../common/errors.js';
import type { Credentials } from './credentials.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';
import { describeKind, describeOther, describeValue } from '../common/describe-value.js';

/** The node to start from if none is given. */
export const DEFAULT_NODE: NodeAddress = { host: '127.0.0.1', port: 7000 };

/** Returns the name of a node for an error, and says so if it is the default. */
export function describeSeed(name: string, seeds: readonly NodeAddress[]): string {
  const isDefault = seeds.includes(DEFAULT_NODE) && name === nodeName(DEFAULT_NODE);
  return isDefault ? `${name} (the default: neither the option nodes nor REDIS_CLUSTER_NODES is set)` : name;
}

/** A node to start from, with the other parts of its URL. */
export interface Seed {
  address: NodeAddress;
  credentials?: Credentials | undefined;
  tls?: boolean | undefined;
}

/**
 * Returns the nodes to start from: those of the options, else of `REDIS_CLUSTER_NODES`, else 127.0.0.1:7000.
 * @throws InvalidArgumentError naming the position of an invalid node, but not its text, which may contain a
 *   password
 */
export function seedsOf(nodes: readonly (string | NodeAddress)[] | undefined): Seed[] {
  const given = nodes ?? nodesFromEnvironment() ?? [DEFAULT_NODE];
  const source = nodes === undefined ? 'REDIS_CLUSTER_NODES' : 'nodes';
  return Array.from(given, (node, i) => parseNode(node, refusalOf(source, i)));
}

/** Rejects a node, by its position. Errors never repeat the node itself, as it may contain a password. */
type RefuseNode = (why: string, got?: string) => never;

function refusalOf(source: string, place: number): RefuseNode {
  const where = source === 'nodes' ? `Option nodes[${place}]` : `${source}, node ${place + 1}`;
  return (why, got) => {
    throw new InvalidArgumentError(
      source,
      `${where}: a node ${why}${got === undefined ? '' : `, got ${got}`}`,
    );
  };
}

function nodesFromEnvironment(): string[] | undefined {
  const nodes = (process.env.REDIS_CLUSTER_NODES ?? '').split(',').map((node) => node.trim());
  const given = nodes.filter((node) => node !== '');
  return given.length > 0 ? given : undefined;
}

function parseNode(node: string | NodeAddress, refused: RefuseNode): Seed {
  if (node === DEFAULT_NODE) return { address: DEFAULT_NODE };
  if (typeof node === 'string')
    return node.includes('://') ? parseUrl(node, refused) : { address: parseHostPort(node, refused) };
  const fits = typeof node === 'object' && node !== null && typeof node.host === 'string' && node.host !== '';
  if (!fits) return refused('is "host:port", a redis:// or rediss:// URL, or { host, port }', nodeCame(node));
  // allow other properties, as nodes of a topology or a LocalCluster have some, but not those that would be ignored
  const misplaced = ['username', 'password', 'tls'].find((name) => Object.hasOwn(node, name));
  if (misplaced !== undefined) refused(`has no ${misplaced} of its own; it is an option, for all nodes`);
  return { address: { host: unbracketed(node.host), port: checkPort(node.port, refused) } };
}

/** Describes an invalid node. Of an object, only property names are shown. */
function nodeCame(node: unknown): string {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return describeKind(node);
  const host: unknown = 'host' in node ? node.host : undefined;
  return `an object whose host is ${describeKind(host)}`;
}

function parseHostPort(node: string, refused: RefuseNode): NodeAddress {
  const match = /^(?:\[([^\]]+)\]|([^:\s/@]+)):(\d+)$/.exec(node);
  if (match === null)
    return refused(
      'given as text is "host:port", "[ipv6]:port", or a redis:// or rediss:// URL',
      describeOther(node),
    );
  return { host: match[1] ?? match[2], port: checkPort(Number(match[3]), refused) };
}

function parseUrl(node: string, refuse: RefuseNode): Seed {
  const refused = (why: string): never => refuse(`given as URL ${why}`);
  if (/^unix:/i.test(node)) refused('names a unix socket; cluster nodes are reached by host and port');
  let url: URL;
  try {
    url = new URL(node);
  } catch {
    return refused('cannot be read; expected redis://user:password@host:port');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    refused('must begin with redis:// or rediss://');
  if (url.hostname === '') refused('has no host');
  if (url.pathname !== '' && url.pathname !== '/' && url.pathname !== '/0') {
    refused('names a database; set the option database instead');
  }
  if (url.search !== '' || url.hash !== '') refused('has a query; give options in the options object');
  const password = decodePart(url.password, refused);
  const username = decodePart(url.username, refused);
  if (username !== '' && password === '') refused('has a user and no password');
  return {
    address: {
      host: unbracketed(url.hostname),
      port: url.port === '' ? 6379 : checkPort(Number(url.port), refuse),
    },
    credentials: password === '' ? undefined : { username: username || undefined, password },
    tls: url.protocol === 'rediss:' || undefined,
  };
}

function decodePart(part: string, refused: (why: string) => never): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return refused('has a user or password that is not percent-encoded');
  }
}

function checkPort(port: unknown, refused: RefuseNode): number {
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  return refused('needs a port from 1 to 65535', describeValue(port));
}

/** Returns an IPv6 address in the form that sockets expect. */
function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
