import { InvalidArgumentError } from '../cluster/errors.js';
import { Script } from '../cluster/script.js';
import type { ScriptCommand, ScriptRegistry } from '../cluster/script-registry.js';
import type { CommandReceiver } from './install-commands.js';

/** A command made of a script, as ioredis takes it. */
export interface ScriptDefinition {
  lua: string;
  /** Keys it takes; left out, the first argument of each call says it. */
  numberOfKeys?: number;
  /** It only reads, and may be sent to replicas. */
  readOnly?: boolean;
}

/**
 * Makes a script known under a name.
 * @throws InvalidArgumentError for a name that is taken, no text, or a number of keys that cannot be
 */
export function defineScript(scripts: ScriptRegistry, name: string, definition: ScriptDefinition): void {
  const { lua, numberOfKeys, readOnly } = definition;
  if (typeof name !== 'string' || name === '') {
    throw new InvalidArgumentError('name', 'A defined command needs a name');
  }
  if (typeof lua !== 'string' || lua === '') {
    throw new InvalidArgumentError('lua', `The command ${name} needs the text of its script`);
  }
  if (numberOfKeys !== undefined && (!Number.isInteger(numberOfKeys) || numberOfKeys < 0)) {
    throw new InvalidArgumentError(
      'numberOfKeys',
      `numberOfKeys of ${name} must be a whole number of at least 0`,
    );
  }
  scripts.define(name, { script: new Script(lua, readOnly), numberOfKeys });
}

/** Gives a receiver a method, and its Buffer variant, for each command that was defined. */
export function installDefined(receiver: CommandReceiver, scripts: ScriptRegistry): void {
  for (const [name, command] of scripts.commands) {
    installOne(receiver, name, command, false);
    installOne(receiver, `${name}Buffer`, command, true);
  }
}

function installOne(
  receiver: CommandReceiver,
  method: string,
  command: ScriptCommand,
  buffers: boolean,
): void {
  const { script, numberOfKeys } = command;
  const name = script.readOnly ? 'evalsha_ro' : 'evalsha';
  const value = (...args: unknown[]): unknown =>
    receiver.send(
      name,
      [script.sha, ...(numberOfKeys === undefined ? [] : [numberOfKeys]), ...args],
      buffers,
    );
  Object.defineProperty(receiver, method, { value, configurable: true, enumerable: false, writable: true });
}
