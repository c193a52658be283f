import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { Script } from '../../cluster/scripts/script.js';
import type { ScriptCommand, ScriptRegistry } from '../../cluster/scripts/script-registry.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import type { CommandReceiver } from './install-commands.js';

/** A command made of a script, as ioredis takes it. */
export interface ScriptDefinition {
  lua: string;
  /** Keys it takes; left out, the first argument of each call says it. */
  numberOfKeys?: number | undefined;
  /** It only reads, and may be sent to replicas. */
  readOnly?: boolean | undefined;
}

/** `then` would make a promise of whatever has it. */
const UNFIT_NAMES: ReadonlySet<string> = new Set(['', 'then']);

/** What the option `scripts` holds. @throws InvalidArgumentError where it holds no definitions by name */
export function scriptEntries(scripts: unknown = {}): [string, ScriptDefinition][] {
  if (typeof scripts === 'object' && scripts !== null && !Array.isArray(scripts))
    return Object.entries(scripts);
  throw new InvalidArgumentError(
    'scripts',
    `Option scripts must be an object of { lua, numberOfKeys?, readOnly? } by name, got ${describeKind(scripts)}`,
  );
}

/**
 * Makes a script known under a name.
 * @param receivers what the command will be a method of
 * @throws InvalidArgumentError for a name that is taken, no text, or a number of keys that cannot be
 */
export function defineScript(
  scripts: ScriptRegistry,
  name: string,
  definition: ScriptDefinition,
  receivers: readonly object[],
): void {
  if (typeof name !== 'string' || UNFIT_NAMES.has(name)) {
    throw new InvalidArgumentError('name', 'A defined command needs a name, which is not "then"');
  }
  const methods = scripts.commands.has(name) ? [] : [name, `${name}Buffer`];
  const taken = methods.find((method) => receivers.some((receiver) => method in receiver));
  if (taken !== undefined) throw new InvalidArgumentError('name', `${taken} is a method already`);
  const { lua, numberOfKeys, readOnly } = (definition ?? {}) as ScriptDefinition;
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
  prototypes.delete(scripts);
}

/**
 * The call that a defined command stands for. Undefined and null are sent as empty, as in ioredis: authors of scripts
 * (BullMQ) leave arguments out that way. Everywhere else they are refused.
 */
export function scriptCall(
  { script, numberOfKeys }: ScriptCommand,
  args: readonly unknown[],
): [name: string, args: unknown[]] {
  const given = args.flat(1).map((arg) => arg ?? '');
  const counted = numberOfKeys === undefined ? given : [numberOfKeys, ...given];
  return [script.readOnly ? 'evalsha_ro' : 'evalsha', [script.sha, ...counted]];
}

/** Prototypes with the commands that were defined, by the prototype they extend. One more definition makes new ones. */
const prototypes = new WeakMap<ScriptRegistry, Map<object, object>>();

/** Gives what has just been made a method, and its Buffer variant, for each command that was defined. */
export function inheritDefined(receiver: CommandReceiver, scripts: ScriptRegistry): void {
  if (scripts.commands.size === 0) return;
  const base = Object.getPrototypeOf(receiver) as object;
  const known = prototypes.get(scripts) ?? new Map<object, object>();
  prototypes.set(scripts, known);
  let prototype = known.get(base);
  if (prototype === undefined) {
    prototype = Object.create(base) as object;
    for (const [name, command] of scripts.commands) install(prototype, name, command);
    known.set(base, prototype);
  }
  Object.setPrototypeOf(receiver, prototype);
}

/** Gives a receiver the methods of one command. */
export function installDefined(receiver: object, scripts: ScriptRegistry, name: string): void {
  const command = scripts.commands.get(name);
  if (command !== undefined) install(receiver, name, command);
}

function install(receiver: object, name: string, command: ScriptCommand): void {
  const methods: [string, boolean][] = [
    [name, false],
    [`${name}Buffer`, true],
  ];
  for (const [method, buffers] of methods) {
    const value = function (this: CommandReceiver, ...args: unknown[]): unknown {
      return this.send(...scriptCall(command, args), buffers);
    };
    Object.defineProperty(receiver, method, { value, configurable: true, enumerable: false, writable: true });
  }
}
