import type { Argument } from './request-encoder.js';
import type { Script } from './script.js';

/** A command made of a script. */
export interface ScriptCommand {
  readonly script: Script;
  /** Keys it takes; where undefined, the first argument of each call says it. */
  readonly numberOfKeys: number | undefined;
}

/** The scripts one client knows, so that a server which does not know one yet can be given its text. */
export class ScriptRegistry {
  private readonly texts = new Map<string, string>();
  /** Commands that were defined by name. */
  readonly commands = new Map<string, ScriptCommand>();

  /** Makes a script known. */
  add(script: Script): void {
    this.texts.set(script.sha, script.lua);
  }

  /** Makes a command of a script. */
  define(name: string, command: ScriptCommand): void {
    this.add(command.script);
    this.commands.set(name, command);
  }

  /** The text of a script by its hash, as EVALSHA names it. */
  textOf(sha: Argument | undefined): string | undefined {
    return this.texts.get(String(sha).toLowerCase());
  }
}
