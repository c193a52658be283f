import type { Argument } from '../protocol/request-encoder.js';
import { Script } from './script.js';

/** A command that runs a script. */
export interface ScriptCommand {
  readonly script: Script;
  /** The number of its keys; if undefined, the first argument of each call is that number. */
  readonly numberOfKeys: number | undefined;
}

/** The effects of calls that load or drop scripts and functions on the registry. */
const EFFECTS: ReadonlyMap<string, (registry: ScriptRegistry, args: readonly Argument[]) => void> = new Map([
  ['script load', (registry, [, lua]) => registry.add(new Script(String(lua)))],
  [
    'function load',
    (registry, args) => registry.libraries.set(libraryName(args.at(-1)), args.at(-1) as Argument),
  ],
  ['function delete', (registry, [, name]) => void registry.libraries.delete(String(name))],
  ['function flush', (registry) => registry.libraries.clear()],
]);

/** The scripts and functions that a client knows, so that it can send them to servers that do not have them yet. */
export class ScriptRegistry {
  private readonly texts = new Map<string, string>();
  /** Commands that were defined by name. */
  readonly commands = new Map<string, ScriptCommand>();

  /**
   * @param libraries function libraries that this client has loaded, by name. A primary that joins the cluster does not
   *   have them, nor may one that was restarted.
   */
  constructor(readonly libraries: Map<string, Argument>) {}

  /** Records the effect of a command that has succeeded. */
  recordEffect(command: string, args: readonly Argument[]): void {
    EFFECTS.get(command)?.(this, args);
  }

  /** Copies everything that another registry knows. */
  adopt(other: ScriptRegistry): void {
    for (const [sha, lua] of other.texts) this.texts.set(sha, lua);
    for (const [name, command] of other.commands) this.commands.set(name, command);
    for (const [name, code] of other.libraries) this.libraries.set(name, code);
  }

  /** Registers a script. */
  add(script: Script): void {
    this.texts.set(script.sha, script.lua);
  }

  /** Defines a command that runs a script. */
  define(name: string, command: ScriptCommand): void {
    this.add(command.script);
    this.commands.set(name, command);
  }

  /**
   * Converts a call of a script by its hash to one by its text; undefined if it is not such a call, or the
   * script is unknown.
   */
  withText(name: string, args: readonly Argument[]): { name: string; args: Argument[] } | undefined {
    if (!name.startsWith('evalsha')) return undefined;
    const [sha, ...rest] = args;
    if (typeof sha !== 'string' && !Buffer.isBuffer(sha)) return undefined;
    const lua = this.texts.get(String(sha).toLowerCase());
    return lua === undefined ? undefined : { name: name.replace('evalsha', 'eval'), args: [lua, ...rest] };
  }
}

/** The name in the first line of a library, `#!lua name=mylib`. */
function libraryName(code: Argument | undefined): string {
  return /name=(\S+)/i.exec(String(code).split('\n', 1)[0])?.[1] ?? '';
}
