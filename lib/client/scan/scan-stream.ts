import { Readable } from 'node:stream';

/** A stream of pages, with the `close()` that ioredis' scan streams have. */
export interface ScanStream extends Readable {
  /** Ends the walk. */
  close(): void;
}

/** Returns the pages of a walk as a stream of objects. */
export function scanStream(pages: AsyncIterable<readonly (string | Buffer)[]>): ScanStream {
  const stream = Readable.from(pages, { objectMode: true, highWaterMark: 1 });
  return Object.assign(stream, { close: () => void stream.destroy() });
}
