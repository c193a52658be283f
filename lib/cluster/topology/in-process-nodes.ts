import type { Socket } from 'node:net';

/** A node in this process. */
export interface InProcessNode {
  /** Opens a connection. Returns what stands in for its socket. */
  connect(): Socket;
  /** Returns the time of the node, in milliseconds since 1970. */
  now(): number;
}

const nodes = new Map<string, InProcessNode>();

/**
 * Makes a node reachable by a host name of its own, in this process only, without the network.
 *
 * @returns a function that ends that.
 */
export function serveInProcess(host: string, node: InProcessNode): () => void {
  nodes.set(host, node);
  return () => void nodes.delete(host);
}

/** Returns a node in this process; undefined for the name of another machine. */
export const inProcessNode = (host: string): InProcessNode | undefined =>
  nodes.size === 0 ? undefined : nodes.get(host);
