import { connect } from 'node:net';
import { once } from 'node:events';

const LF = 0x0a;

/** Publishes as fast as a server takes it: encoded once, answers counted and not read. */
export class RawPublisher {
  static async open({ host, port }) {
    const socket = connect({ host, port, noDelay: true });
    await once(socket, 'connect');
    return new RawPublisher(socket);
  }

  constructor(socket) {
    this.socket = socket;
    this.owed = 0;
    this.answered = () => {};
    socket.on('data', (chunk) => {
      for (const byte of chunk) if (byte === LF) this.owed--;
      if (this.owed === 0) this.answered();
    });
  }

  /** The same payload so many times; resolves once all are accepted. */
  publish(channel, payload, times = 1) {
    const bytes = Buffer.byteLength(payload);
    const request = `*3\r\n$7\r\nPUBLISH\r\n$${channel.length}\r\n${channel}\r\n$${bytes}\r\n${payload}\r\n`;
    this.owed += times;
    const answered = new Promise((resolve) => (this.answered = resolve));
    this.socket.write(request.repeat(times));
    return answered;
  }

  close() {
    this.socket.destroy();
  }
}
