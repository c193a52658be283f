import { commandNames } from '../../cluster/command-table/command-table.js';

/** Something that takes calls by name. */
export interface CommandReceiver {
  /** Takes one call; `buffers` asks for Buffers in the place of strings in its reply. */
  send(name: string, args: unknown[], buffers: boolean): unknown;
}

/**
 * Gives a prototype a method for every command there is, and its Buffer variant (`get`, `getBuffer`), each of
 * which is `send` with the name put before the arguments. Methods that exist are left as they are.
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
