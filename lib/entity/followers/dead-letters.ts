import { describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import { type FollowedClasses, type OutboxEntry, tagIn } from '../changes/outbox-entry.js';
import { checkFunction } from '../common/argument-checks.js';
import type { EntityChange } from '../changes/entity-change.js';
import { deadLettersKey } from '../keys/outbox-key.js';
import { SlotKeys } from '../keys/slot-keys.js';
import { ChangePassedError } from '../common/entity-errors.js';
import {
  type ChangeHandler,
  type CommitState,
  type FollowedChange,
  transactionWith,
} from './change-context.js';
import type { FollowerContext } from './change-follower.js';
import { type DeadLetter, deadLetterFrom } from './dead-letter.js';
import { BATCH, GroupStore } from './group-store.js';

/** The place of a letter: what is needed to handle or delete it. */
interface Found {
  readonly stored: OutboxEntry;
  readonly letter: DeadLetter;
  /** The last letter of the slot that was handled again. */
  readonly redriven: string;
}

const ID = /^(\d{1,5}):(\d{1,16}-\d{1,16})$/;

/** The changes that a group of followers put aside. Get it with `ClusterRepository.deadLetters()`. */
export class DeadLetters<C extends EntityChange = EntityChange> {
  private readonly store: GroupStore;

  /** @internal */
  constructor(
    private readonly context: FollowerContext,
    private readonly classes: FollowedClasses,
    private readonly group: string,
  ) {
    this.store = new GroupStore(context.client, classes.partitionName, group);
  }

  /**
   * Iterates over the changes that were put aside, in order within each partition. It looks into every slot.
   *
   * @throws SchemaError if the classes as they are now cannot decode one; the error names its id.
   */
  async *list(): AsyncGenerator<DeadLetter<FollowedChange<C>>, void, undefined> {
    for await (const { letter } of this.find()) yield letter as DeadLetter<FollowedChange<C>>;
  }

  /**
   * Handles the changes that were put aside again, one after another, and removes those that succeed. A transaction of
   * the handler's context is committed once per change, also if this is interrupted. Run it in one process at a time.
   *
   * @returns how many were handled, and how many failed and stay.
   * @throws SchemaError as `list()` does.
   */
  async redrive(handler: ChangeHandler<FollowedChange<C>>): Promise<{ handled: number; failed: number }> {
    checkFunction('handler', handler);
    const counts = { handled: 0, failed: 0 };
    const redrivenIn = new Map<number, string>();
    for await (const { stored, letter, redriven: before } of this.find()) {
      const { slot } = stored;
      const redriven = redrivenIn.get(slot) ?? before;
      const state: CommitState = { isPassed: redriven === stored.id };
      if (!state.isPassed) {
        const entry = { ...stored, fields: stored.fields.slice(6) };
        const step = this.store.redriveStep(slot, redriven, stored.id);
        const transaction = transactionWith(this.context, tagIn(this.classes, entry), step, state);
        const { group } = this;
        const { signal } = new AbortController();
        try {
          const attempt = letter.attempts + 1;
          await handler(letter.change as FollowedChange<C>, { group, attempt, signal, transaction });
        } catch (error) {
          if (error instanceof ChangePassedError) throw error; // another process redrives
          counts.failed++;
          if (!state.isPassed) continue;
        }
        if (state.isPassed) redrivenIn.set(slot, stored.id);
      }
      await this.delete(stored);
      counts.handled++;
    }
    return counts;
  }

  /**
   * Deletes a change that was put aside.
   *
   * @returns whether it was there.
   * @throws InvalidArgumentError if the id is not one of `list()`.
   */
  async discard(id: string): Promise<{ discarded: boolean }> {
    const [, slot, entry] = ID.exec(id) ?? [];
    if (entry === undefined || Number(slot) >= SLOT_COUNT)
      throw new InvalidArgumentError(
        'id',
        `id must be the id of a DeadLetter, as list() returns it, got ${describeOther(id)}`,
      );
    return { discarded: (await this.delete({ slot: Number(slot), id: entry, fields: [] })) > 0 };
  }

  private async delete({ slot, id }: OutboxEntry): Promise<number> {
    const key = deadLettersKey(this.classes.partitionName, slot, this.group);
    return Number(await this.context.client.send('xdel', [key, id], false));
  }

  private async *find(): AsyncGenerator<Found, void, undefined> {
    const slots = new SlotKeys(this.context.client, '');
    for (const [slot] of await slots.counts(0, SLOT_COUNT))
      for (let after = '-', isLast = false; !isLast;) {
        const { redriven, entries } = await this.store.readDeadLetters(slot, after);
        for (const stored of entries) {
          const letter = deadLetterFrom(this.classes, stored);
          if (letter) yield { stored, letter, redriven };
          after = stored.id;
        }
        isLast = entries.length < BATCH;
      }
  }
}
