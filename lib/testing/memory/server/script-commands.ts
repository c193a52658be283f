import { notInMemory } from '../command-parts/not-in-memory.js';
import { type CommandSet, atLeast } from '../command-parts/command.js';
import { integerOf } from '../command-parts/numbers.js';
import { CommandError, type MemoryReply, OK } from '../command-parts/reply.js';
import type { ScriptEngine } from '../scripts/script-engine.js';

/** Returns the commands that run scripts. */
export function scriptCommands(scripts: ScriptEngine): CommandSet {
  const run = (sha: string, [keyCount, ...rest]: readonly string[], readOnly: boolean): MemoryReply => {
    const count = integerOf(keyCount);
    if (count < 0) throw new CommandError("ERR Number of keys can't be negative");
    if (count > rest.length)
      throw new CommandError("ERR Number of keys can't be greater than number of args");
    return scripts.run(sha, rest.slice(0, count), rest.slice(count), readOnly);
  };
  const byText = (readOnly: boolean) =>
    atLeast(2, ([text, ...args]) => run(scripts.load(text), args, readOnly));
  const byHash = (readOnly: boolean) =>
    atLeast(2, ([sha, ...args]) => run(sha.toLowerCase(), args, readOnly));
  return {
    eval: byText(false),
    eval_ro: byText(true),
    evalsha: byHash(false),
    evalsha_ro: byHash(true),
    script: atLeast(1, ([word, ...args]) => {
      switch (word.toUpperCase()) {
        case 'LOAD':
          return scripts.load(args[0]);
        case 'EXISTS':
          return args.map((sha) => Number(scripts.knows(sha.toLowerCase())));
        case 'FLUSH':
          scripts.flush();
          return OK;
        default:
          throw notInMemory(`script ${word}`);
      }
    }),
  };
}
