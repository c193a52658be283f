import { randomUUID } from '../../cluster/runtime/randomness.js';
import type { BatchResult } from '../../cluster/batch/batch-result.js';
import { keyIndexes } from '../../cluster/command-table/command-keys.js';
import type { CommandTable } from '../../cluster/command-table/command-table.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { groupBy } from '../../cluster/common/group-by.js';
import { keySlot } from '../../cluster/topology/key-slot.js';
import type { Argument } from '../../cluster/protocol/request-encoder.js';
import type { Script } from '../../cluster/scripts/script.js';
import { IncompleteOperationError } from './non-atomic-errors.js';
import { tagOfSlot } from './slot-tags.js';

/** Commands that are sent together. */
interface StepBatch {
  send(name: string, args: unknown[], buffers: boolean, slot?: number): unknown;
  exec(): Promise<BatchResult[]>;
  execReplies(): Promise<unknown[]>;
}

/** Runs the steps: a client, or a view of it. */
export interface StepClient {
  send(name: string, args: unknown[], buffers: boolean): Promise<unknown>;
  pipeline(): StepBatch;
  multi(): StepBatch;
  runScript(
    script: Script,
    keys: readonly Argument[],
    args: readonly (Argument | number)[],
  ): Promise<unknown>;
}

/** What the steps need to know about the cluster. */
export interface KeyPlacement {
  readonly options: { readonly keyPrefix: string };
  readonly table: CommandTable;
}

/** Makes the command of a slot: its name, and its arguments as they are sent. */
export type StepOfSlot<T> = (group: T) => readonly [name: string, args: Argument[]];

/** One command: its name and its arguments. */
export type Step = readonly [name: string, ...args: (Argument | number)[]];

/**
 * The calls that make up an operation over several slots. Replies come as Buffers: what is carried from one key
 * to another must not be decoded on the way.
 */
export class Steps {
  constructor(
    private readonly client: StepClient,
    private readonly placement: KeyPlacement,
    /** How many members an operation may read into this process. */
    readonly maxMembers: number,
  ) {}

  /** Runs one command. */
  call<T>(...[name, ...args]: Step): Promise<T> {
    return this.client.send(name, args, true) as Promise<T>;
  }

  /** Sends commands over any slots at once, and returns the result of each. */
  settled(steps: readonly Step[], buffers = true): Promise<BatchResult[]> {
    const pipeline = this.client.pipeline();
    for (const step of steps) pipeline.send(step[0], step.slice(1), buffers);
    return pipeline.exec();
  }

  /** Sends one command per slot at once, each made from the group of that slot, and returns the result of each. */
  inSlots<T>(groups: ReadonlyMap<number, T>, stepOf: StepOfSlot<T>): Promise<BatchResult[]> {
    return this.queuedInSlots(groups, stepOf, true).exec();
  }

  /** Does the same, and returns the replies, with the errors of commands among them. */
  repliesInSlots<T>(
    groups: ReadonlyMap<number, T>,
    stepOf: StepOfSlot<T>,
    buffers: boolean,
  ): Promise<unknown[]> {
    return this.queuedInSlots(groups, stepOf, buffers).execReplies();
  }

  /** Sends commands over any slots at once. @throws the first error among their replies */
  async together<T>(steps: readonly Step[], buffers = true): Promise<T[]> {
    return repliesOf<T>(await this.settled(steps, buffers));
  }

  /** Runs commands of one slot atomically. @throws the first error among their replies */
  async atomically<T>(steps: readonly Step[]): Promise<T[]> {
    const transaction = this.client.multi();
    for (const step of steps) transaction.send(step[0], step.slice(1), true);
    return repliesOf<T>(await transaction.exec());
  }

  /** Runs a script on keys of one slot. Strings in its reply are strings. */
  script<T>(script: Script, keys: readonly Argument[], args: readonly (Argument | number)[]): Promise<T> {
    return this.client.runScript(script, keys, args) as Promise<T>;
  }

  /**
   * Runs a step after others that have already changed something.
   * @param left what the others leave behind if this one fails
   * @param retryable whether the caller can simply call the operation again
   * @throws IncompleteOperationError
   */
  async afterwards<T>(
    operation: string,
    left: string,
    retryable: boolean,
    step: () => Promise<T>,
  ): Promise<T> {
    try {
      return await step();
    } catch (error) {
      throw new IncompleteOperationError(operation, left, retryable, error);
    }
  }

  /** Returns whether all keys among the arguments of a command are in one slot. @throws InvalidArgumentError */
  inOneSlot(name: string, args: readonly Argument[]): boolean {
    const places = this.keyPlaces(name, args);
    const slot = this.slotOf(args[places[0]]);
    return places.every((place, i) => i === 0 || this.slotOf(args[place]) === slot);
  }

  /** Returns the indexes of the keys among the arguments of a command. @throws InvalidArgumentError */
  keyPlaces(name: string, args: readonly Argument[]): number[] {
    const row = this.placement.table.lookup(name, args);
    if (row === undefined) throw new InvalidArgumentError('command', `${name} is not a known command`);
    return keyIndexes(row, args);
  }

  /** Returns the slot of a key, including its prefix. */
  slotOf(key: Argument): number {
    const { keyPrefix } = this.placement.options;
    if (keyPrefix === '') return keySlot(key);
    return keySlot(typeof key === 'string' ? keyPrefix + key : Buffer.concat([Buffer.from(keyPrefix), key]));
  }

  private queuedInSlots<T>(
    groups: ReadonlyMap<number, T>,
    stepOf: StepOfSlot<T>,
    buffers: boolean,
  ): StepBatch {
    const pipeline = this.client.pipeline();
    for (const [slot, group] of groups) {
      const [name, args] = stepOf(group);
      pipeline.send(name, args, buffers, slot);
    }
    return pipeline;
  }

  /** Groups items by the slot of their keys. */
  bySlot<T>(items: readonly T[], keyOf: (item: T) => Argument): Map<number, T[]> {
    return groupBy(items, (item) => this.slotOf(keyOf(item)));
  }
}

/** How long an unfinished result stays after its client has ended, in ms. */
export const TEMPORARY_TTL_MS = 60_000;

/** Returns a new, unique key name in a slot. */
export function temporaryKey(slot: number): string {
  return temporaryName(slot, randomUUID());
}

/** Returns the name of a temporary key in a slot. */
export function temporaryName(slot: number, name: string): string {
  return `{${tagOfSlot(slot)}}keyslot:temporary:${name}`;
}

function repliesOf<T>(results: readonly BatchResult[]): T[] {
  return results.map(([error, reply]) => {
    if (error !== null) throw error;
    return reply as T;
  });
}
