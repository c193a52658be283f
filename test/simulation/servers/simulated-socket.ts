import { InProcessSocket } from '../../../lib/testing/memory/server/in-process-socket.js';

/** What a simulated socket does with what its client does. */
export interface SocketPeer {
  written(bytes: string): void;
  closed(): void;
}

/** The client's end of a simulated connection. */
export class SimulatedSocket extends InProcessSocket {
  constructor(
    remoteAddress: string,
    remotePort: number,
    private readonly peer: SocketPeer,
  ) {
    super(remoteAddress, remotePort);
  }

  /** The connection is established. */
  connected(): void {
    if (this.destroyed) return;
    this.connecting = false;
    this.emit('connect');
  }

  /** Bytes have arrived. */
  received(text: string): void {
    this.arrive(text);
  }

  protected override handleWritten(bytes: string): void {
    this.peer.written(bytes);
  }

  protected override handleClosed(): void {
    this.peer.closed();
  }
}
