import { setImmediate } from '../../../cluster/common/timers.js';
import { InProcessSocket } from './in-process-socket.js';
import type { MemoryNode } from './memory-node.js';
import { RequestReader } from './request-reader.js';
import { Session } from './session.js';

/**
 * The client's end of a connection to a node in memory. The node runs what was written in a later turn of the event
 * loop, and the replies of one turn arrive together.
 */
export class MemorySocket extends InProcessSocket {
  private readonly session: Session;
  private readonly reader = new RequestReader();
  private written: string[] = [];
  private replies = '';

  constructor(node: MemoryNode) {
    super(node.host, node.port);
    this.session = new Session(node, (bytes) => this.receive(bytes));
    setImmediate(() => {
      this.connecting = false;
      this.emit('connect');
      this.emit('secureConnect');
      this.serve();
    });
  }

  protected override handleWritten(bytes: string): void {
    if (this.written.push(bytes) === 1 && !this.connecting) setImmediate(() => this.serve());
  }

  protected override handleClosed(): void {
    this.session.end();
  }

  private serve(): void {
    if (this.destroyed) return;
    const pieces = this.written;
    this.written = [];
    for (const piece of pieces) for (const words of this.reader.read(piece)) this.session.handle(words);
    this.deliver();
  }

  /** Takes what the node sends: at the end of the turn if other connections caused it. */
  private receive(bytes: string): void {
    if (this.replies === '') setImmediate(() => this.deliver());
    this.replies += bytes;
  }

  private deliver(): void {
    const { replies } = this;
    if (replies === '') return;
    this.replies = '';
    this.arrive(replies);
  }
}
