import type { Argument } from '../protocol/request-encoder.js';
import { Script } from './script.js';

/** A command made of a script. */
export interface ScriptCommand {
  readonly script: Script;
  /** Keys it takes; where undefined, the first argument of each call says it. */
  readonly numberOfKeys: number | undefined;
}

/** What a call that loads or drops scripts and functions means for what is known. */
const EFFECTS: ReadonlyMap<string, (registry: ScriptRegistry, args: readonly Argument[]) => void> = new Map([
  ['script load', (registry, [, lua]) => registry.add(new Script(String(lua)))],
  [
    'function load',
    (registry, args) => registry.libraries.set(libraryName(args.at(-1)), args.at(-1) as Argument),
  ],
  ['function delete', (registry, [, name]) => void registry.libraries.delete(String(name))],
  ['function flush', (registry) => registry.libraries.clear()],
]);

/** The scripts and functions one client knows, so that a server which does not know them yet can be given them. */
export class ScriptRegistry {
  private readonly texts = new Map<string, string>();
  /** Commands that were defined by name. */
  readonly commands = new Map<string, ScriptCommand>();

  /** Function libraries that this client has loaded, by name: a primary that joins the cluster does not have them. */
  readonly libraries = new Map<string, Argument>();

  /** Records the effect of a command that has succeeded. */
  recordEffect(command: string, args: readonly Argument[]): void {
    EFFECTS.get(command)?.(this, args);
  }

  /** Takes over all that another one knows. */
  adopt(other: ScriptRegistry): void {
    for (const [sha, lua] of other.texts) this.texts.set(sha, lua);
    for (const [name, command] of other.commands) this.commands.set(name, command);
    for (const [name, code] of other.libraries) this.libraries.set(name, code);
  }

  /** Makes a script known. */
  add(script: Script): void {
    this.texts.set(script.sha, script.lua);
  }

  /** Makes a command of a script. */
  define(name: string, command: ScriptCommand): void {
    this.add(command.script);
    this.commands.set(name, command);
  }

  /** A call of a script by its hash as one by its text; undefined where it is none, or the script is not known. */
  whole(name: string, [sha, ...args]: readonly Argument[]): { name: string; args: Argument[] } | undefined {
    if (!name.startsWith('evalsha') || (typeof sha !== 'string' && !Buffer.isBuffer(sha))) return undefined;
    const lua = this.texts.get(String(sha).toLowerCase());
    return lua === undefined ? undefined : { name: name.replace('evalsha', 'eval'), args: [lua, ...args] };
  }
}

/** The name in the first line of a library, `#!lua name=mylib`. */
function libraryName(code: Argument | undefined): string {
  return /name=(\S+)/i.exec(String(code).split('\n', 1)[0])?.[1] ?? '';
}
