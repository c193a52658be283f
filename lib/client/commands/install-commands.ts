import { commandNames } from '../../cluster/command-table/command-table.js';

/** An object that runs commands by name. */
export interface CommandReceiver {
  /** Runs one command. With `buffers`, strings in the reply are Buffers. */
  send(name: string, args: unknown[], buffers: boolean): unknown;
}

/**
 * Adds a method and its Buffer variant (`get`, `getBuffer`) to a prototype for every command. Each calls
 * `send` with the name of the command. Existing methods stay as they are.
 */
export function installCommands(prototype: CommandReceiver): void {
  for (const name of commandNames) {
    install(prototype, name, function (this: CommandReceiver, ...args) {
      return this.send(name, args, false);
    });
    install(prototype, `${name}Buffer`, function (this: CommandReceiver, ...args) {
      return this.send(name, args, true);
    });
  }
  install(prototype, 'call', function (this: CommandReceiver, name, ...args) {
    return this.send(commandName(name), args, false);
  });
  install(prototype, 'callBuffer', function (this: CommandReceiver, name, ...args) {
    return this.send(commandName(name), args, true);
  });
}

function install(
  prototype: object,
  name: string,
  method: (this: CommandReceiver, ...args: unknown[]) => unknown,
): void {
  if (name in prototype) return;
  Object.defineProperty(prototype, name, {
    value: method,
    configurable: true,
    enumerable: false,
    writable: true,
  });
}

const commandName = (name: unknown): string => (typeof name === 'string' ? name.toLowerCase() : '');
