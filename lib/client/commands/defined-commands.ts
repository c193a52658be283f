import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { Script } from '../../cluster/scripts/script.js';
import type { ScriptCommand, ScriptRegistry } from '../../cluster/scripts/script-registry.js';
import { describeKind, describeValue } from '../../cluster/common/describe-value.js';
import type { CommandReceiver } from './install-commands.js';

/** Defines a command that runs a script, as in ioredis. */
export interface ScriptDefinition {
  /** The text of the script. */
  lua: string;
  /** The number of keys it takes. If omitted, the first argument of each call is that number. */
  numberOfKeys?: number | undefined;
  /** Whether the script only reads, so that it can run on replicas. Default false. */
  readOnly?: boolean | undefined;
}

/** An object with a method `then` would be taken for a promise. */
const UNFIT_NAMES: ReadonlySet<string> = new Set(['', 'then']);

/** Returns the entries of the option `scripts`. @throws InvalidArgumentError unless it is an object */
export function scriptEntries(scripts: unknown = {}): [string, ScriptDefinition][] {
  if (typeof scripts === 'object' && scripts !== null && !Array.isArray(scripts))
    return Object.entries(scripts);
  throw new InvalidArgumentError(
    'scripts',
    `Option scripts must be an object of { lua, numberOfKeys?, readOnly? } by name, got ${describeKind(scripts)}`,
  );
}

/**
 * Registers a script under a name.
 * @param receivers the objects that get the command as a method
 * @throws InvalidArgumentError for a name that is taken, a missing text, or an invalid number of keys
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
      `numberOfKeys of ${name} must be a whole number of at least 0, got ${describeValue(numberOfKeys)}`,
    );
  }
  scripts.define(name, { script: new Script(lua, readOnly), numberOfKeys });
  prototypes.delete(scripts);
}

/**
 * Returns the call of a defined command. Sends undefined and null as empty strings, as in ioredis, because
 * authors of scripts (BullMQ) omit arguments that way. All other commands reject them.
 */
export function scriptCall(
  { script, numberOfKeys }: ScriptCommand,
  args: readonly unknown[],
): [name: string, args: unknown[]] {
  const given = args.flat(1).map((arg) => arg ?? '');
  const counted = numberOfKeys === undefined ? given : [numberOfKeys, ...given];
  return [script.readOnly ? 'evalsha_ro' : 'evalsha', [script.sha, ...counted]];
}

/** Prototypes with the defined commands, by the prototype they extend. Another definition discards them. */
const prototypes = new WeakMap<ScriptRegistry, Map<object, object>>();

/** Gives a new object a method, and its Buffer variant, for each defined command. */
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
