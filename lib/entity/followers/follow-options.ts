import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { LONGEST_TIMER_MS, nextTick } from '../../cluster/common/timers.js';
import { describeOther } from '../../cluster/common/describe-value.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { checkFlag, checkFunction, checkWhole } from '../common/argument-checks.js';
import type { EntityClass } from '../decorators/shape.js';
import type { DeadLetter } from './dead-letter.js';

/** How a handler that failed is tried again. */
export interface FollowRetry {
  /** How often the group handles a change before it is put aside; 5 by default, `Infinity` for ever. */
  attempts?: number | undefined;
  /** The delay before the second attempt, in milliseconds; 200 by default. It doubles with each attempt. */
  delayMs?: number | undefined;
  /** The longest delay, in milliseconds; 30,000 by default. */
  maxDelayMs?: number | undefined;
}

/** Options of a follower. */
export interface FollowOptions {
  /** The classes to follow, or `'all'` of the partition; by default the class of the repository. */
  classes?: readonly EntityClass[] | 'all' | undefined;
  /** Where a new group begins: `'now'` by default, or `'start'` for every change that is kept. */
  from?: 'now' | 'start' | undefined;
  /** How many changes this process handles at a time, each of another slot; 1 by default. */
  concurrency?: number | undefined;
  /** How often to look for changes without a notification, in milliseconds; 30,000 by default. */
  pollMs?: number | undefined;
  /** After how long others take over the slots of a process that has died, in milliseconds; 10,000 by default. */
  leaseMs?: number | undefined;
  retry?: FollowRetry | undefined;
  /**
   * Called with a change whose attempts have all failed, instead of putting it aside. If it fails, it is called again
   * after a delay.
   */
  deadLetter?: ((letter: DeadLetter) => unknown) | undefined;
  /**
   * How many changes each slot keeps aside; any number by default. The oldest ones are removed, and `onError` is called
   * with an error of the code `DEAD_LETTERS_REMOVED`.
   */
  maxDeadLetters?: number | undefined;
  /**
   * Whether the handler is called with gaps: places where changes were removed before they were read. Without it, a
   * gap is reported to `onError`.
   */
  gaps?: boolean | undefined;
  /** Called with each error: of the handler, of a gap, of the connection. */
  onError?: ((error: Error) => void) | undefined;
}

/** Options with their defaults. */
export interface ResolvedFollowOptions {
  readonly from: 'now' | 'start';
  readonly concurrency: number;
  readonly pollMs: number;
  readonly leaseMs: number;
  readonly retry: { readonly attempts: number; readonly delayMs: number; readonly maxDelayMs: number };
  readonly deadLetter: FollowOptions['deadLetter'];
  readonly maxDeadLetters: number;
  readonly gaps: boolean;
  readonly onError: (error: Error) => void;
}

const GROUP = /^[\w.-]{1,100}$/;

/** @throws InvalidArgumentError if the name of a group is not valid. */
export function checkGroup(group: unknown): asserts group is string {
  if (typeof group === 'string' && GROUP.test(group)) return;
  throw new InvalidArgumentError(
    'group',
    `The name of a group has 1 to 100 letters, digits, _ - and .; got ${describeOther(group)}`,
  );
}

/** @throws InvalidArgumentError that names the option. */
export function resolveFollowOptions(options: FollowOptions): ResolvedFollowOptions {
  checkEntityOptions('follow()', options);
  const { retry = {} } = options;
  checkEntityOptions('retry of follow()', retry);
  const { from = 'now', concurrency = 1, pollMs = 30_000, leaseMs = 10_000, gaps = false } = options;
  const { maxDeadLetters = Infinity } = options;
  const { attempts = 5, delayMs = 200, maxDelayMs = 30_000 } = retry;
  if (from !== 'now' && from !== 'start')
    throw new InvalidArgumentError('from', `from must be 'now' or 'start', got ${describeOther(from)}`);
  checkWhole('concurrency', concurrency, 1, Infinity);
  checkWhole('maxDeadLetters', maxDeadLetters, 1, Infinity);
  checkWhole('attempts', attempts, 1, Infinity);
  checkWhole('pollMs', pollMs, 1, LONGEST_TIMER_MS, 'milliseconds');
  checkWhole('leaseMs', leaseMs, 300, LONGEST_TIMER_MS, 'milliseconds');
  checkWhole('delayMs', delayMs, 0, LONGEST_TIMER_MS, 'milliseconds');
  checkWhole('maxDelayMs', maxDelayMs, 0, LONGEST_TIMER_MS, 'milliseconds');
  checkFlag('gaps', gaps);
  if (options.deadLetter !== undefined) checkFunction('deadLetter', options.deadLetter);
  if (options.onError !== undefined) checkFunction('onError', options.onError);
  return {
    ...{ from, concurrency, pollMs, leaseMs, gaps },
    retry: { attempts, delayMs, maxDelayMs },
    deadLetter: options.deadLetter,
    maxDeadLetters,
    onError: shielded(options.onError ?? ignore),
  };
}

const ignore = (): void => {};

/** An error of the callback itself goes to `uncaughtException`: it must not stop the follower. */
function shielded(onError: (error: Error) => void): (error: Error) => void {
  return (error) => {
    try {
      onError(error);
    } catch (thrown) {
      nextTick(() => {
        throw thrown;
      });
    }
  };
}
