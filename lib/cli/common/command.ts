import type { Arguments } from './arguments.js';
import type { CommandForm } from './command-form.js';
import type { ExitCode } from './exit-code.js';
import type { Terminal } from './terminal.js';

/** What a command runs with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly environment: NodeJS.ProcessEnv;
}

/** A command of the program. */
export interface Command extends CommandForm {
  /** One line for the list of commands. */
  readonly summary: string;
  /** Paragraphs of the help, below the options. */
  readonly notes: readonly string[];
  run(given: Arguments, context: CommandContext): Promise<ExitCode>;
}
