import { createHash, randomUUID } from 'node:crypto';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { delay } from '../../../cluster/common/timers.js';
import { TEMPORARY_TTL_MS, temporaryName, type Step, type Steps } from '../steps.js';

/** How often a move begins again because what it moves was put back, changed, or claimed by another move. */
export const MOVE_ATTEMPTS = 16;
/** The longest pause between two of them, in ms, so that two moves in opposite directions do not stay in step. */
const LONGEST_PAUSE_MS = 20;

/**
 * A move's word that it has seen what it is to take from its source: a key of its own beside the source, which expires.
 * Whoever moves the same thing to there withdraws it first, so that two moves in opposite directions never both delete:
 * a move deletes only under its own claim, and what was put to the source since is not covered by that.
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

  /** The step that makes the claim; to be executed before the destination is written to. */
  get step(): Step {
    return ['set', this.key, this.token, 'PX', TEMPORARY_TTL_MS];
  }

  /** Nothing is to be taken under it any more. */
  release(): Promise<unknown> {
    return this.steps.call(...withdrawal(this.key));
  }
}

/** Withdraws what others have claimed of a destination; to be sent right before it is written to. */
export function withdrawClaims(steps: Steps, destination: Argument, member: Argument = ''): Step {
  return withdrawal(claimKey(steps, destination, member));
}

/** A moment, longer with the attempts. */
export function pauseAfter(attempt: number): Promise<void> {
  return delay(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** attempt));
}

/** A value that is nobody's token. Unlike a deletion, this may be sent again where its reply was lost. */
const withdrawal = (key: string): Step => ['set', key, '', 'PX', 1];

function claimKey(steps: Steps, key: Argument, member: Argument): string {
  const digest = createHash('sha1').update(key).update('\0').update(member).digest('hex');
  return temporaryName(steps.slotOf(key), `move:${digest}`);
}
