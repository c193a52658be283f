import { SUITE } from './compat-report.mjs';
import { SERVERS } from './compat-servers.mjs';
import { checkName } from './program-arguments.mjs';

export const USAGE = `npm run compat -- [server…] [test/path…] [--option-of-jest=value…]
Servers: ${Object.entries(SERVERS)
  .map(([name, { optional }]) => (optional ? `${name} (only if named)` : name))
  .join(', ')}`;

/**
 * Which servers, and what jest is told. An option of jest and its value are one argument, as in `-t=words`.
 * @param {readonly string[]} args
 * @returns with `settings.help`, if only the usage is wanted
 * @throws {import('./program-arguments.mjs').ArgumentError} for what is neither a server, nor a path under test/, nor an option
 */
export function choiceOf(args) {
  if (args.includes('--help')) return { settings: { help: true } };
  const isPath = (arg) => arg.startsWith('test/');
  const named = args.filter((arg) => !isPath(arg) && !arg.startsWith('-'));
  for (const name of named) checkName(name, Object.keys(SERVERS), 'server');
  const others = args.filter((arg) => !named.includes(arg));
  return {
    servers: named.length > 0 ? named : Object.keys(SERVERS).filter((name) => !SERVERS[name].optional),
    jestArguments: others.some(isPath) ? others : [...SUITE, ...others],
  };
}
