import { CommandError } from '../command-parts/reply.js';

/** What the first line of a script says, and its Lua. */
export interface ScriptText {
  readonly lua: string;
  /** Whether it says what it does; without a first line, a script may write. */
  readonly isDeclared: boolean;
  readonly writes: boolean;
}

const FLAGS: ReadonlySet<string> = new Set([
  'no-writes',
  'allow-oom',
  'allow-stale',
  'no-cluster',
  'allow-cross-slot-keys',
]);

/** Reads the first line of a script, such as `#!lua flags=no-writes`. @throws CommandError */
export function readScript(text: string): ScriptText {
  if (!text.startsWith('#!')) return { lua: text, isDeclared: false, writes: true };
  const end = text.indexOf('\n');
  if (end < 0) throw new CommandError('ERR Invalid script shebang');
  const [engine, ...options] = text.slice(2, end).trim().split(/\s+/);
  if (engine !== 'lua') throw new CommandError(`ERR Unexpected engine in script shebang: ${engine}`);
  const flags = options.flatMap((option) => {
    if (!option.startsWith('flags=')) throw new CommandError(`ERR Unknown lua shebang option: ${option}`);
    return option.slice('flags='.length).split(',').filter(Boolean);
  });
  const unknown = flags.find((flag) => !FLAGS.has(flag));
  if (unknown !== undefined) throw new CommandError(`ERR Unexpected flag in script shebang: ${unknown}`);
  return { lua: text.slice(end), isDeclared: true, writes: !flags.includes('no-writes') };
}
