import type { Socket } from 'node:net';

/** Opens a connection to a node in this process. Returns what stands in for its socket. */
export type OpenInProcess = () => Socket;

const nodes = new Map<string, OpenInProcess>();

/**
 * Makes a node reachable by a host name of its own, in this process only, without the network.
 *
 * @returns a function that ends that.
 */
export function serveInProcess(host: string, open: OpenInProcess): () => void {
  nodes.set(host, open);
  return () => void nodes.delete(host);
}

/** Returns how to reach a node in this process; undefined for the name of another machine. */
export const inProcessNode = (host: string): OpenInProcess | undefined =>
  nodes.size === 0 ? undefined : nodes.get(host);
