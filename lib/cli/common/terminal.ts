import { styleText } from 'node:util';

/** The styles of the output. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

interface Output {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Writes text for people and for pipes, with colors where the output is a terminal. */
export class Terminal {
  private readonly hasColors: boolean;

  constructor(
    private readonly output: Output,
    private readonly errors: Output,
    environment: NodeJS.ProcessEnv,
  ) {
    const { NO_COLOR = '', TERM } = environment;
    this.hasColors = output.isTTY === true && NO_COLOR === '' && TERM !== 'dumb';
  }

  /** Writes a line, or several. */
  print(text = ''): void {
    this.output.write(`${text}\n`);
  }

  /** Writes a value as JSON. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value, undefined, 2));
  }

  /** Writes a line that is not the result. */
  warn(text: string): void {
    this.errors.write(`${text}\n`);
  }

  /** Returns text in a style. */
  style(style: Style, text: string): string {
    return this.hasColors ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Writes rows in aligned columns, below a heading. */
  printTable(heading: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = heading.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
    const line = (cells: readonly string[]): string =>
      cells
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd();
    this.print(this.style('dim', line(heading)));
    for (const row of rows) this.print(line(row));
  }
}
