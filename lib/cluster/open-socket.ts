import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ResolvedClusterOptions } from './options.js';
import type { NodeAddress } from './topology.js';

/** A socket to a node, on its way, as the options want it; small writes leave at once. */
export function openSocket(address: NodeAddress, options: ResolvedClusterOptions): Socket {
  const socket =
    options.tls === undefined
      ? connectTcp({ host: address.host, port: address.port })
      : secure(address, options);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, options.keepAliveMs);
  return socket;
}

function secure({ host, port }: NodeAddress, { tls }: ResolvedClusterOptions): Socket {
  // the name that the cluster announces is the one its certificate has to show
  const servername = isIP(host) === 0 ? host : undefined;
  return connectTls({ servername, ...tls, host, port });
}
