import { inspect } from 'node:util';
import { normalizeArguments, notifyOf, takeCallback } from '../commands/call-arguments.js';
import type { NonAtomicMethods } from './non-atomic-methods.js';
import { nonAtomicOptions, type NonAtomicOptions } from './non-atomic-options.js';
import { recipes, refusals, type NonAtomicCommand } from './recipe-table.js';
import { Steps, type KeyPlacement, type StepClient } from './steps.js';

/**
 * Multi-key commands whose keys may be in several slots. If all keys of a call share a slot, the command itself
 * runs, atomically. Otherwise it is made of steps, each with the options (and the deadline) of the view it is
 * called on. Other clients can see the state between two steps. Each method says what is left if the client
 * ends there.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class NonAtomicCommands {
  private readonly steps: Steps;

  /**
   * @param client runs the steps
   * @param placement knows the slots of keys: the engine
   * @throws InvalidArgumentError
   */
  constructor(
    private readonly client: StepClient,
    private readonly placement: KeyPlacement,
    private readonly options: Required<NonAtomicOptions> = nonAtomicOptions({}),
  ) {
    this.steps = new Steps(client, placement, options.maxMembers);
  }

  /** Returns the same commands with some options changed. @throws InvalidArgumentError */
  with(options: NonAtomicOptions): NonAtomicCommands {
    return new NonAtomicCommands(this.client, this.placement, nonAtomicOptions(options, this.options));
  }

  /** Runs one command. All command methods call this. */
  send(command: NonAtomicCommand, args: unknown[], buffers: boolean): Promise<unknown> {
    const callback = takeCallback(args);
    const promise = this.run(command, args, buffers);
    if (callback !== undefined) notifyOf(promise, callback);
    return promise;
  }

  /** Shows neither client nor options, which hold secrets. */
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

/** Detects `mget([])`, which reads nothing. */
function isEmptyList([list, ...rest]: readonly unknown[]): boolean {
  return rest.length === 0 && Array.isArray(list) && list.length === 0;
}

/** Detects `[['key', 'value'], …]`, which MSET accepts here. */
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
