import { createHash } from 'node:crypto';
import { CommandError, type MemoryReply } from '../command-parts/reply.js';
import { BASE_LIBRARY, next, thrownBy } from '../libraries/base-library.js';
import { bitLibrary } from '../libraries/bit-library.js';
import { ScriptRandom, mathLibrary } from '../libraries/math-library.js';
import { createOperators } from '../lua/operators.js';
import { type CallOfScript, redisLibrary } from './redis-library.js';
import { fromLua } from './script-replies.js';
import { type ScriptText, readScript } from './script-text.js';
import { type CompiledScript, compileScript } from '../lua/script-writer.js';
import { STRING_LIBRARY } from '../libraries/string-library.js';
import { TABLE_LIBRARY } from '../libraries/table-library.js';
import { asText } from '../lua/conversions.js';
import { LuaTable, type LuaValue } from '../lua/lua-value.js';

interface LoadedScript extends ScriptText {
  readonly sha: string;
  readonly run: CompiledScript;
}

/** Scripts that were compiled before, in any engine. */
const compiled = new Map<string, LoadedScript>();

const operators = createOperators(STRING_LIBRARY, next);

/** Runs a command of a script. @param mayWrite whether the script may change keys. */
export type ScriptHost = (words: readonly string[], mayWrite: boolean) => MemoryReply;

/** Runs Lua scripts as a server does: EVAL, and EVALSHA for those it knows. */
export class ScriptEngine {
  private readonly known = new Set<string>();
  private readonly globals = new Map<string, LuaValue>();
  private readonly random = new ScriptRandom();
  private mayWrite = true;

  constructor(host: ScriptHost) {
    const call: CallOfScript = (words) => host(words, this.mayWrite);
    const libraries = {
      ...BASE_LIBRARY,
      bit: bitLibrary(),
      math: mathLibrary(this.random),
      string: STRING_LIBRARY,
      table: TABLE_LIBRARY,
      redis: redisLibrary(call),
    };
    for (const [name, value] of Object.entries(libraries)) this.globals.set(name, value);
  }

  /** Whether the engine knows a script by its hash. */
  knows(sha: string): boolean {
    return this.known.has(sha);
  }

  /** Forgets all scripts. */
  flush(): void {
    this.known.clear();
  }

  /** Compiles a script, and returns its hash. @throws CommandError if it is no Lua. */
  load(text: string): string {
    const { sha } = this.compiled(text);
    this.known.add(sha);
    return sha;
  }

  /**
   * Runs a script that the engine knows.
   *
   * @param readOnly whether it was called to read only.
   * @throws CommandError NOSCRIPT, and what the script throws.
   */
  run(sha: string, keys: readonly string[], args: readonly string[], readOnly: boolean): MemoryReply {
    const script = this.known.has(sha) ? compiled.get(sha) : undefined;
    if (!script) throw new CommandError('NOSCRIPT No matching script. Please use EVAL.');
    if (readOnly && script.isDeclared && script.writes)
      throw new CommandError('ERR Can not execute a script with write flag using *_ro command.');
    this.globals.set('KEYS', new LuaTable([...keys]));
    this.globals.set('ARGV', new LuaTable([...args]));
    this.random.restart();
    this.mayWrite = script.writes && !readOnly;
    try {
      return fromLua(script.run(operators, this.globals)[0]);
    } catch (error) {
      throw failureOf(thrownBy(error), sha);
    }
  }

  private compiled(text: string): LoadedScript {
    const sha = createHash('sha1').update(text, 'latin1').digest('hex');
    const before = compiled.get(sha);
    if (before) return before;
    const script = readScript(text);
    try {
      const loaded = { ...script, sha, run: compileScript(script.lua) };
      compiled.set(sha, loaded);
      return loaded;
    } catch (error) {
      throw new CommandError(
        `ERR Error compiling script (new function): user_script: ${String(thrownBy(error))}`,
      );
    }
  }
}

/** Returns the error reply of a script that failed. */
function failureOf(thrown: LuaValue, sha: string): CommandError {
  const reply = thrown instanceof LuaTable ? asText(thrown.get('err')) : undefined;
  const text = reply ?? `ERR user_script: ${asText(thrown) ?? 'an error of a script'}`;
  return new CommandError(`${text} script: ${sha}, on @user_script.`);
}
