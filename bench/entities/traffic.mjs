import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

const sockets = [];
let roundTrips = 0;
let readBefore = -1;
let isCounting = false;

const sum = (name) => sockets.reduce((total, socket) => total + socket[name], 0);

/**
 * Counts what this process sends and receives on the connections that it opens from now on. A round trip begins with
 * what is sent after something was received: what goes to several nodes at once is one.
 */
export function countTraffic() {
  subscribe('net.client.socket', ({ socket }) => sockets.push(socket));
  const { write } = Socket.prototype;
  Socket.prototype.write = function (...args) {
    if (isCounting) noticeWrite();
    return write.apply(this, args);
  };
}

function noticeWrite() {
  const read = sum('bytesRead');
  if (read > readBefore) roundTrips++;
  readBefore = read;
}

/** What something sends and receives. */
export async function trafficOf(act) {
  const sent = sum('bytesWritten');
  const received = sum('bytesRead');
  roundTrips = 0;
  readBefore = -1;
  isCounting = true;
  await act();
  isCounting = false;
  return { roundTrips, sent: sum('bytesWritten') - sent, received: sum('bytesRead') - received };
}
