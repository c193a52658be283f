import { inspect } from 'node:util';
import { normalizeArguments, notifyOf, takeCallback } from '../commands/call-arguments.js';
import type { NonAtomicMethods } from './non-atomic-methods.js';
import { nonAtomicOptions, type NonAtomicOptions } from './non-atomic-options.js';
import { recipes, refusals, type NonAtomicCommand } from './recipe-table.js';
import { Steps, type KeyPlacement, type StepClient } from './steps.js';

/**
 * Commands of several keys that may be in several slots. Where all keys of a call share a slot, the command itself
 * is run, atomically as ever. Otherwise it is made of steps, each with the options (and the deadline) of the view it
 * is called on; others see what is between them, and each method says what is left when the client ends there.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class NonAtomicCommands {
  private readonly steps: Steps;

  /**
   * @param client what the steps are made with
   * @param placement where keys are: the engine
   * @throws InvalidArgumentError
   */
  constructor(
    private readonly client: StepClient,
    private readonly placement: KeyPlacement,
    private readonly options: Required<NonAtomicOptions> = nonAtomicOptions({}),
  ) {
    this.steps = new Steps(client, placement, options.maxMembers);
  }

  /** The same, with some options changed. @throws InvalidArgumentError */
  with(options: NonAtomicOptions): NonAtomicCommands {
    return new NonAtomicCommands(this.client, this.placement, nonAtomicOptions(options, this.options));
  }

  /** Runs one command. The methods named for commands all come here. */
  send(command: NonAtomicCommand, args: unknown[], buffers: boolean): Promise<unknown> {
    const callback = takeCallback(args);
    const promise = this.run(command, args, buffers);
    if (callback !== undefined) notifyOf(promise, callback);
    return promise;
  }

  /** What `util.inspect` shows: neither client nor options, and so no secrets. */
  [inspect.custom](): string {
    return 'NonAtomicCommands {}';
  }

  private async run(command: NonAtomicCommand, given: unknown[], buffers: boolean): Promise<unknown> {
    if (command === 'mget' && isEmptyList(given)) return [];
    const args = normalizeArguments(command, isListOfPairs(given) ? given.flat(2) : given);
    refusals[command]?.(this.steps, args);
    if (this.steps.inOneSlot(command, args)) return this.client.send(command, args, buffers);
    return recipes[command](this.steps, args, buffers);
  }
}

/** `mget([])`: nothing is asked for. */
function isEmptyList([list, ...rest]: readonly unknown[]): boolean {
  return rest.length === 0 && Array.isArray(list) && list.length === 0;
}

/** `[['key', 'value'], …]`, which MSET takes here. */
function isListOfPairs(args: readonly unknown[]): boolean {
  const [pairs] = args;
  return args.length === 1 && Array.isArray(pairs) && pairs.length > 0 && pairs.every(Array.isArray);
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface NonAtomicCommands extends NonAtomicMethods {}

for (const command of Object.keys(recipes) as NonAtomicCommand[]) {
  install(command, command, false);
  install(`${command}Buffer`, command, true);
}

function install(name: string, command: NonAtomicCommand, buffers: boolean): void {
  Object.defineProperty(NonAtomicCommands.prototype, name, {
    value(
      this: { send(...call: [NonAtomicCommand, unknown[], boolean]): Promise<unknown> },
      ...args: unknown[]
    ) {
      return this.send(command, args, buffers);
    },
    configurable: true,
    enumerable: false,
    writable: true,
  });
}
