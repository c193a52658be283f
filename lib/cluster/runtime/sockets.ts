import net from 'node:net';
import tls from 'node:tls';

/** How a process opens sockets. Clients of ioredis, for leased connections, open theirs on their own. */
export interface Sockets {
  readonly connectTcp: (options: net.NetConnectOpts) => net.Socket;
  readonly connectTls: (options: tls.ConnectionOptions) => net.Socket;
}

/** The sockets of Node.js. */
export const NODE_SOCKETS: Sockets = {
  connectTcp: (options) => net.connect(options),
  connectTls: (options) => tls.connect(options),
};

export let { connectTcp, connectTls }: Sockets = NODE_SOCKETS;

/** Replaces what this file exports, for all who have imported it; see `useRuntime`. */
export function replaceSockets(given: Sockets): void {
  ({ connectTcp, connectTls } = given);
}
