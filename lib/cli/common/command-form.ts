/** An option of a command. */
export interface OptionRow {
  /** Without the dashes. */
  readonly name: string;
  /** What stands for its value in the help; absent if it takes none. */
  readonly value?: string;
  readonly help: string;
}

/** What a command accepts on the command line. */
export interface CommandForm {
  readonly name: string;
  /** What follows the name on the command line, for the help: `KEY…`. */
  readonly takes: string;
  /** How many arguments there must be at least, and at most. */
  readonly count: readonly [least: number, most: number];
  readonly options: readonly OptionRow[];
}
