import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { LocalNode } from '../server/local-node.js';

/** A node by its handle, its name (`host:port`), or its host and port, as a node of a client's `topology` has them. */
export type NodeReference = LocalNode | string | { readonly host: string; readonly port: number };

/** Finds the node that is meant. @throws InvalidArgumentError if there is no such node */
export function findNode(nodes: readonly LocalNode[], reference: NodeReference): LocalNode {
  const name = typeof reference === 'object' ? `${reference?.host}:${reference?.port}` : reference;
  const found = nodes.find((node) => node === reference || node.name === name);
  if (found !== undefined) return found;
  const known = nodes.map((node) => node.name).join(', ');
  throw new InvalidArgumentError('node', `No such node in this local cluster; its nodes are ${known}`);
}
