import { connect as connectTcp } from 'node:net';
import { ClusterClient, keySlot, SLOT_COUNT } from '../../dist/index.js';

const CR = 0x0d;
const LF = 0x0a;
const BULK = 0x24;
const ERROR = 0x2d;
const ZERO = 0x30;

/**
 * What the machine could do at most: no redirects, no deadlines, no bounds, no decoding. A socket for each node, one
 * string written to each in a turn of the event loop, and replies counted by a scan that jumps over their values.
 */
export async function connect(nodes) {
  const sockets = [];
  const indexOfSlot = new Uint8Array(SLOT_COUNT);
  const guide = new ClusterClient({ nodes });
  await guide.connect();
  for (const { primary, slots } of guide.topology.shards) {
    for (const [first, last] of slots) indexOfSlot.fill(sockets.length, first, last + 1);
    sockets.push(await RawSocket.open(primary));
  }
  await guide.close();
  const socketOf = (key) => sockets[indexOfSlot[keySlot(key)]];
  const getMany = (keys) =>
    new Promise((resolve, reject) => {
      const batch = { left: keys.length, resolve, reject };
      for (const key of keys) socketOf(key).send(getRequest(key), batch);
    });
  return {
    get: (key) => socketOf(key).ask(getRequest(key)),
    set: (key, value) => socketOf(key).ask(setRequest(key, value)),
    pipeline: getMany,
    mget: getMany,
    close: async () => sockets.forEach((socket) => socket.close()),
  };
}

// keys and values of the benchmark are ASCII
const getRequest = (key) => `*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`;
const setRequest = (key, value) =>
  `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;

class RawSocket {
  requests = '';
  /** The waiters of the replies to come, oldest first, from `head` on. */
  waiting = [];
  head = 0;
  /** How many went out in the last write: alone, a request has nobody to wait for. */
  lastWrite = 1;
  unwritten = 0;
  /** Bytes of a value, or of the line before it, that are still to come. */
  toSkip = 0;
  inLine = false;
  type = 0;
  length = 0;

  static open({ host, port }) {
    return new Promise((resolve, reject) => {
      const socket = connectTcp({ host, port, noDelay: true }, () => resolve(new RawSocket(socket)));
      socket.once('error', reject);
    });
  }

  constructor(socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.scan(chunk));
  }

  ask(request) {
    return new Promise((resolve, reject) => this.send(request, { left: 1, resolve, reject }));
  }

  send(request, waiter) {
    this.requests += request;
    this.waiting.push(waiter);
    if (this.unwritten++ > 0) return;
    if (this.lastWrite === 1) process.nextTick(this.flush);
    else setImmediate(this.flush);
  }

  flush = () => {
    this.socket.write(this.requests, 'latin1');
    this.requests = '';
    this.lastWrite = this.unwritten;
    this.unwritten = 0;
  };

  scan(chunk) {
    let at = 0;
    while (at < chunk.length) {
      if (this.toSkip > 0) {
        const skipped = Math.min(this.toSkip, chunk.length - at);
        at += skipped;
        this.toSkip -= skipped;
        if (this.toSkip === 0) this.replied();
        continue;
      }
      if (!this.inLine) {
        this.type = chunk[at++];
        this.length = 0;
        this.inLine = true;
      }
      let byte = 0;
      while (at < chunk.length && (byte = chunk[at++]) !== LF) {
        if (byte !== CR) this.length = this.length * 10 + byte - ZERO;
      }
      if (byte !== LF) continue;
      this.inLine = false;
      if (this.type === BULK && this.length >= 0) this.toSkip = this.length + 2;
      else this.replied();
    }
  }

  replied() {
    const waiter = this.waiting[this.head++];
    if (this.type === ERROR) waiter.reject(new Error('The server refused'));
    else if (--waiter.left === 0) waiter.resolve();
    if (this.head === this.waiting.length) {
      this.waiting.length = 0;
      this.head = 0;
    } else if (this.head > 10_000) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
  }

  close() {
    this.socket.destroy();
  }
}
