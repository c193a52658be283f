import { parseArgs } from 'node:util';
import { suggestionFor } from '../../cluster/common/check-option-names.js';
import type { CommandForm, OptionRow } from './command-form.js';
import { UsageError } from './usage-error.js';

/** What was given to a command. */
export class Arguments {
  constructor(
    readonly words: readonly string[],
    private readonly options: ReadonlyMap<string, string | true>,
  ) {}

  /** Whether an option without a value was given. */
  has(name: string): boolean {
    return this.options.has(name);
  }

  /** Returns the value of an option, if it was given. */
  text(name: string): string | undefined {
    const value = this.options.get(name);
    return value === true ? undefined : value;
  }

  /** Returns the value of an option that is a whole number. @throws UsageError */
  count(name: string, least: number, most: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return number;
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, got ${value}`);
  }
}

const HELP: OptionRow = { name: 'help', help: 'Show this help' };

/** Every option of a command, `--help` included. */
export const optionsOf = ({ options }: CommandForm): readonly OptionRow[] => [...options, HELP];

/**
 * Reads a command line, without the name of the command.
 * @throws UsageError for an unknown option, a missing value, or too few or too many arguments
 */
export function parseArguments(command: CommandForm, line: readonly string[]): Arguments {
  const rows = new Map(optionsOf(command).map((row) => [row.name, row]));
  const { tokens } = parseArgs({
    args: [...line],
    options: Object.fromEntries(
      [...rows.values()].map(({ name, value }) => [
        name,
        {
          type: value === undefined ? ('boolean' as const) : ('string' as const),
          ...(name === HELP.name && { short: 'h' }),
        },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: string[] = [];
  const options = new Map<string, string | true>();
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const row = rows.get(token.name);
    if (row === undefined) throw unknownOption(token.rawName, [...rows.keys()]);
    options.set(row.name, valueOf(row, token));
  }
  if (!options.has(HELP.name)) checkCount(command, words);
  return new Arguments(words, options);
}

/** Neither the value nor what follows is repeated: it may be a password that somebody tried to pass. */
function unknownOption(rawName: string, known: readonly string[]): UsageError {
  const name = rawName.replace(/^-+/, '');
  const suggestion = suggestionFor(name, known).replace('mean ', 'mean --');
  return new UsageError(`Unknown option ${rawName}${suggestion}${WHERE_INSTEAD[name] ?? ''}`);
}

const BY_ENVIRONMENT = '; set the password in the environment, as KEYSLOT_PASSWORD or REDISCLI_AUTH';

/** What to do instead of options that other programs have. */
const WHERE_INSTEAD: Readonly<Record<string, string>> = {
  password: BY_ENVIRONMENT,
  pass: BY_ENVIRONMENT,
  a: BY_ENVIRONMENT,
};

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function valueOf(row: OptionRow, { rawName, value, inlineValue }: OptionToken): string | true {
  if (row.value === undefined) {
    if (inlineValue === true) throw new UsageError(`${rawName} takes no value`);
    return true;
  }
  // `--port --tls` has forgotten the port
  const isMissing = value === undefined || value === '' || (inlineValue !== true && /^-./.test(value));
  if (isMissing) throw new UsageError(`${rawName} needs a value: ${rawName} ${row.value}`);
  return value;
}

function checkCount({ count: [least, most], takes }: CommandForm, { length }: readonly string[]): void {
  if (length >= least && length <= most) return;
  const got = length === 0 ? 'nothing' : length === 1 ? 'one argument' : `${length} arguments`;
  throw new UsageError(`Expected ${takes === '' ? 'no arguments' : takes}, got ${got}`);
}
