import { createHash } from 'node:crypto';
import type { VirtualTime } from '../time/virtual-time.js';

/** What is done with the trace of a schedule. */
export interface Tracing {
  /** Whether its hash is wanted. Default true. */
  readonly isHashed?: boolean;
  readonly onLine?: (line: string) => void;
}

/** How many lines are hashed together: that is faster than one at a time. */
const LINES_AT_ONCE = 500;

/** All that happens in a schedule, line by line, of which a hash is kept. */
export class Trace {
  private readonly sum = createHash('sha1');
  private readonly lines: string[] = [];

  constructor(
    private readonly time: VirtualTime,
    private readonly tracing: Tracing,
  ) {}

  readonly add = (where: string, what: string, detail: string): void => {
    const { isHashed = true, onLine } = this.tracing;
    if (!isHashed && onLine === undefined) return;
    const line = `${this.time.now.toFixed(3)} ${where} ${what} ${detail}\n`;
    onLine?.(line);
    if (this.lines.push(line) === LINES_AT_ONCE) this.sum.update(this.lines.splice(0).join(''));
  };

  /** The hash of all lines. It ends the trace. */
  get hash(): string {
    return this.sum.update(this.lines.join('')).digest('hex');
  }
}
