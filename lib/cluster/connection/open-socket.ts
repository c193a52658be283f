import { isIP, type OnReadOpts, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { NodeAddress } from '../topology/topology.js';
import { connectTcp, connectTls } from '../runtime/sockets.js';
import { inProcessNode } from '../topology/in-process-nodes.js';

/**
 * The buffer into which all sockets read; it is valid until `onBytes` returns. It is shared because a buffer
 * per read costs as much as the read, and no two reads run at once.
 */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** The beginning of the buffer, by its length. The replies to single calls are short, and a view costs as much as they do. */
const shortReads = new Array<Buffer | undefined>(1024).fill(undefined);

function bytesRead(length: number): Buffer {
  if (length >= shortReads.length) return readBuffer.subarray(0, length);
  return (shortReads[length] ??= readBuffer.subarray(0, length));
}

/**
 * Opens a socket to a node with the options of the client. Small writes are sent at once.
 * @param onBytes receives the bytes; they are overwritten as soon as the call returns
 */
export function openSocket(
  address: NodeAddress,
  options: ResolvedClusterOptions,
  onBytes: (bytes: Buffer) => void,
): Socket {
  const inProcess = inProcessNode(address.host);
  if (inProcess !== undefined) return inProcess.connect().on('data', onBytes);
  const onread = {
    buffer: readBuffer,
    callback: (length: number) => {
      onBytes(bytesRead(length));
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
  // the certificate must show the name that the cluster announces
  const servername = isIP(host) === 0 ? host : undefined;
  const wanted: ConnectionOptions & { onread: OnReadOpts } = { servername, ...tls, host, port, onread };
  return connectTls(wanted);
}
