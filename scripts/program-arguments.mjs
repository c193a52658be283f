import { parseArgs } from 'node:util';

/** What a program was called with and cannot take. */
export class ArgumentError extends Error {}

/**
 * An option as for `parseArgs`; besides, `number` makes it a number, which is at least `number.from` and perhaps whole, and
 * `names` a list of some of these names, parted by commas.
 * @typedef {import('node:util').ParseArgsOptionDescriptor & { number?: { from: number, whole?: boolean }, names?: readonly string[] }} Option
 * @typedef {{ usage: string, options: Readonly<Record<string, Option>>, names?: readonly string[] | 'any' }} Program its `names` are
 *   what its arguments beside options can be: none without them, and 'any' for those that it checks itself
 */

/**
 * The settings and names that a program was called with. With `--help` it prints the usage instead, and with what the program
 * does not know a message and the usage, and ends the process.
 * @param {Program} program
 * @param {readonly string[]} [args]
 */
export function readArguments(program, args) {
  return orEnd(program.usage, () => argumentsOf(program, args));
}

/**
 * Runs a check of arguments; an ArgumentError ends the process with code 2, its message and the usage.
 * @template T
 * @param {string} usage
 * @param {() => T} check
 */
export function orEnd(usage, check) {
  try {
    const result = check();
    if (result?.settings?.help !== true) return result;
    console.log(usage);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

/**
 * @param {Program} program
 * @param {readonly string[]} [args]
 * @throws {ArgumentError}
 */
export function argumentsOf({ options, names = [] }, args = process.argv.slice(2)) {
  const { values, positionals } = parsed({ ...options, help: { type: 'boolean' } }, args);
  if (names !== 'any') for (const name of positionals) checkName(name, names, 'argument');
  return {
    settings: Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, valueOf(name, value, options[name])]),
    ),
    names: positionals,
  };
}

/**
 * @param {string} name
 * @param {readonly string[]} names
 * @param {string} what it is a name of
 * @throws {ArgumentError}
 */
export function checkName(name, names, what) {
  if (names.includes(name)) return;
  throw new ArgumentError(
    `Unknown ${what}: ${name}.${names.length === 0 ? '' : ` There are ${names.join(', ')}.`}`,
  );
}

function parsed(options, args) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    if (!error.code?.startsWith('ERR_PARSE_ARGS')) throw error;
    const sentence = error.message.split('. ')[0];
    throw new ArgumentError(`${sentence}. There are ${listOf(Object.keys(options))}.`);
  }
}

function valueOf(name, text, { number, names } = {}) {
  if (number !== undefined) return numberOf(name, text, number);
  if (names === undefined) return text;
  const chosen = text.split(',').map((word) => word.trim());
  for (const word of chosen) checkName(word, names, `name for --${name}`);
  return chosen;
}

function numberOf(name, text, { from, whole = false }) {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= from && (!whole || Number.isInteger(value)))
    return value;
  throw new ArgumentError(
    `--${name} takes a ${whole ? 'whole ' : ''}number, ${from} or more, and got "${text}".`,
  );
}

const listOf = (names) => names.map((name) => `--${name}`).join(', ');
