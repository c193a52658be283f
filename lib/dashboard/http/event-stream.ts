import type { ServerResponse } from 'node:http';
import type { Viewer } from '../monitors/viewers.js';

/** How long a browser waits before it connects again, in ms. */
const RETRY_MS = 2_000;

/** One response of server-sent events. See https://html.spec.whatwg.org/multipage/server-sent-events.html */
export class EventStream implements Viewer {
  constructor(private readonly response: ServerResponse) {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      // neither a cache nor a compressing proxy may hold it back
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
      'X-Content-Type-Options': 'nosniff',
      // otherwise the connection stays open after the end, and delays the end of the server
      ...(response.req.httpVersionMajor === 1 && { Connection: 'close' }),
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
  }

  /** Calls back once, when either side has ended the stream. */
  onEnd(ended: () => void): void {
    this.response.once('close', ended);
  }

  get isBehind(): boolean {
    return this.response.writableNeedDrain;
  }

  send(event: string, data: string): void {
    if (!this.response.writableEnded) this.response.write(`event: ${event}\ndata: ${data}\n\n`);
  }

  end(): void {
    this.response.end();
  }
}
