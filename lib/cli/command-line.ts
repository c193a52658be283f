import { createRequire } from 'node:module';
import { suggestionFor } from '../cluster/common/check-option-names.js';
import { COMMANDS } from './command-table.js';
import { parseArguments } from './common/arguments.js';
import type { CommandContext } from './common/command.js';
import { EXIT, type ExitCode } from './common/exit-code.js';
import { printCommandHelp, printHelp } from './common/help.js';
import { UsageError } from './common/usage-error.js';
import { describeFailure } from './describe-failure.js';

const HELP = new Set(['--help', '-h', 'help']);
const VERSION = new Set(['--version', '-v']);

/** Runs a command line, and returns what the process ends with. It prints errors rather than throwing them. */
export async function runCommandLine(line: readonly string[], context: CommandContext): Promise<ExitCode> {
  try {
    return await runCommand(line, context);
  } catch (error) {
    const { terminal, environment } = context;
    terminal.warn(`keyslot: ${describeFailure(error)}`);
    if (error instanceof UsageError) terminal.warn(`Run keyslot ${helpOf(line)}--help for help.`);
    else if (environment.KEYSLOT_DEBUG === '1') terminal.warn(String((error as Error).stack));
    return EXIT.failed;
  }
}

async function runCommand([name, ...rest]: readonly string[], context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  if (VERSION.has(name)) {
    terminal.print(versionOfPackage());
    return EXIT.ok;
  }
  if (name === undefined || (HELP.has(name) && rest.length === 0)) {
    printHelp(terminal, COMMANDS);
    return name === undefined ? EXIT.failed : EXIT.ok;
  }
  const isHelp = HELP.has(name);
  const command = commandOf(isHelp ? rest[0] : name);
  const given = parseArguments(command, isHelp ? ['--help'] : rest);
  if (!given.has('help')) return command.run(given, context);
  printCommandHelp(terminal, command);
  return EXIT.ok;
}

function commandOf(name: string): (typeof COMMANDS)[number] {
  const command = COMMANDS.find((one) => one.name === name);
  if (command !== undefined) return command;
  const names = COMMANDS.map((one) => one.name);
  const what = name.startsWith('-') ? 'option' : 'command';
  throw new UsageError(
    `Unknown ${what} ${name}${suggestionFor(name, [...names, '--help', '--version'])}; commands are ${names.join(', ')}`,
  );
}

/** The part of a hint that names the command, if there is one. */
const helpOf = ([name]: readonly string[]): string =>
  COMMANDS.some((command) => command.name === name) ? `${name} ` : '';

/** The package finds itself by its name, wherever the build has put this file. */
function versionOfPackage(): string {
  const { version } = createRequire(import.meta.url)('keyslot/package.json') as { version: string };
  return version;
}
