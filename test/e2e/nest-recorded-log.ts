import type { LoggerService } from '@nestjs/common';

/** A Nest logger that keeps what it is told, as lines of level, context and message. */
export class RecordedLog implements LoggerService {
  readonly lines: string[] = [];

  log(message: unknown, ...rest: unknown[]): void {
    this.record('log', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.record('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.record('error', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.record('debug', message, rest);
  }

  /** All of it, to look for what must not be there. */
  get text(): string {
    return this.lines.join('\n');
  }

  private record(level: string, message: unknown, rest: unknown[]): void {
    this.lines.push([level, ...rest.toReversed(), message].map(String).join(' '));
  }
}
