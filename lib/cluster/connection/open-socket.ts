import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { NodeAddress } from '../topology/topology.js';

/**
 * What any socket reads lies here until `onBytes` returns. Made once for all of them: a buffer for each read costs as
 * much as reading it, and no two are read at once.
 */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * A socket to a node, on its way, as the options want it; small writes leave at once.
 * @param onBytes is given what comes in; it is overwritten as soon as the call returns
 */
export function openSocket(
  address: NodeAddress,
  options: ResolvedClusterOptions,
  onBytes: (bytes: Buffer) => void,
): Socket {
  const onread = {
    buffer: readBuffer,
    callback: (length: number) => {
      onBytes(readBuffer.subarray(0, length));
      return true;
    },
  };
  const socket =
    options.tls === undefined
      ? connectTcp({ host: address.host, port: address.port, onread })
      : secure(address, options, onread);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, options.keepAliveMs);
  return socket;
}

function secure({ host, port }: NodeAddress, { tls }: ResolvedClusterOptions, onread: OnReadOpts): Socket {
  // the name that the cluster announces is the one its certificate has to show
  const servername = isIP(host) === 0 ? host : undefined;
  const wanted: ConnectionOptions & { onread: OnReadOpts } = { servername, ...tls, host, port, onread };
  return connectTls(wanted);
}
