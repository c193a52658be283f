import { optionsOf } from './arguments.js';
import type { Command } from './command.js';
import type { OptionRow } from './command-form.js';
import type { Terminal } from './terminal.js';

/** Prints what the program can do. */
export function printHelp(terminal: Terminal, commands: readonly Command[]): void {
  terminal.print('Keyslot: tools for Redis clusters');
  heading(terminal, 'Usage');
  terminal.print('  keyslot COMMAND [arguments] [options]');
  heading(terminal, 'Commands');
  printPairs(
    terminal,
    commands.map(({ name, summary }) => [name, summary]),
  );
  heading(terminal, 'Options');
  printPairs(terminal, [
    ['-h, --help', 'Show this help; after a command, the help of the command'],
    ['-v, --version', 'Show the version'],
  ]);
}

/** Prints the help of one command. */
export function printCommandHelp(terminal: Terminal, command: Command): void {
  const { name, summary, takes, notes } = command;
  terminal.print(summary);
  heading(terminal, 'Usage');
  terminal.print(`  ${['keyslot', name, takes, '[options]'].filter((word) => word !== '').join(' ')}`);
  heading(terminal, 'Options');
  printPairs(
    terminal,
    optionsOf(command).map((option) => [spelling(option), option.help]),
  );
  for (const note of notes) terminal.print(`\n${note}`);
}

function spelling({ name, value }: OptionRow): string {
  const option = name === 'help' ? '-h, --help' : `--${name}`;
  return value === undefined ? option : `${option} ${value}`;
}

function heading(terminal: Terminal, text: string): void {
  terminal.print(`\n${terminal.style('bold', text)}`);
}

function printPairs(terminal: Terminal, pairs: readonly (readonly [string, string])[]): void {
  const width = Math.max(...pairs.map(([left]) => left.length));
  for (const [left, right] of pairs) terminal.print(`  ${left.padEnd(width)}  ${right}`);
}
