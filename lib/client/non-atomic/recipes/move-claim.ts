import { createHash } from 'node:crypto';
import { random, randomUUID } from '../../../cluster/runtime/randomness.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { delay } from '../../../cluster/common/timers.js';
import { TEMPORARY_TTL_MS, temporaryName, type Step, type Steps } from '../steps.js';

/** How many times a move starts over if its item was put back, changed, or claimed by another move. */
export const MOVE_ATTEMPTS = 16;
/** The longest pause between two attempts, in ms, so that two moves in opposite directions get out of step. */
const LONGEST_PAUSE_MS = 20;

/**
 * Records that a move has seen the item it is going to remove from its source. The claim is a key of its own
 * next to the source, and expires. A move of the same item to that place withdraws the claim first, so that two
 * moves in opposite directions never both delete: a move only deletes under its own claim, which does not cover
 * an item that was put there later.
 */
export class MoveClaim {
  readonly token = randomUUID();
  readonly key: string;

  constructor(
    private readonly steps: Steps,
    source: Argument,
    member: Argument = '',
  ) {
    this.key = claimKey(steps, source, member);
  }

  /** The step that makes the claim. Run it before writing to the destination. */
  get step(): Step {
    return ['set', this.key, this.token, 'PX', TEMPORARY_TTL_MS];
  }

  /** Withdraws the claim. */
  release(): Promise<unknown> {
    return this.steps.call(...withdrawal(this.key));
  }
}

/** Returns the step that withdraws the claims of other moves on a destination. Send it right before writing there. */
export function withdrawClaims(steps: Steps, destination: Argument, member: Argument = ''): Step {
  return withdrawal(claimKey(steps, destination, member));
}

/** Pauses for a moment, which grows with the number of attempts. */
export function pauseAfter(attempt: number): Promise<void> {
  return delay(random() * Math.min(LONGEST_PAUSE_MS, 2 ** attempt));
}

/** Overwrites the claim with an invalid token. Unlike a deletion, this can be sent again after a lost reply. */
const withdrawal = (key: string): Step => ['set', key, '', 'PX', 1];

function claimKey(steps: Steps, key: Argument, member: Argument): string {
  const digest = createHash('sha1').update(key).update('\0').update(member).digest('hex');
  return temporaryName(steps.slotOf(key), `move:${digest}`);
}
