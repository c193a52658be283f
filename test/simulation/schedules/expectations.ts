import { ROLL_OUT_MS } from '../servers/administration.js';
import type { Fault, Schedule } from './schedule.js';

/** How long after a fault clients and servers may need to go on as before, in ms. */
const AFTERMATH_MS = 1_500;
/** The longest time that a slot moves, in ms, and how many keys it has at most. */
const MOVE_MS = 4_000;
const KEYS = 8;
/** Views of nodes that differ for longer may keep a client from the node that serves. */
const QUICK_GOSSIP_MS = 50;

/** Faults that a client gets over within the deadline of its calls, if they come alone. */
const PASSING: ReadonlySet<Fault['fault']> = new Set([
  'vanish',
  'freeze',
  'kill',
  'reset',
  'move',
  'failOver',
  'lag',
]);

/** Faults by which servers lose nothing, and answer everything. */
const HARMLESS: ReadonlySet<Fault['fault']> = new Set(['move', 'failOver', 'lag']);

/** Returns when a fault is over, in ms since the schedule began. */
export function overAt(fault: Fault): number {
  if (fault.fault === 'move')
    return fault.at + (fault.pauseMs === undefined ? MOVE_MS : KEYS * fault.pauseMs);
  const rollOut = fault.fault === 'rotate' ? 2 * ROLL_OUT_MS : 0;
  return fault.at + rollOut + ('ms' in fault ? (fault.ms ?? 0) : 0);
}

/** What calls may meet while a schedule runs. */
export class Expectations {
  /** When the schedule began. */
  start = 0;
  /** Whether a client gets over all that happens. */
  private readonly isPassing: boolean;
  private readonly isHarmless: boolean;

  constructor(private readonly schedule: Schedule) {
    const { faults, gossipMs, replyTimeoutMs = 200 } = schedule;
    this.isPassing =
      gossipMs <= QUICK_GOSSIP_MS &&
      replyTimeoutMs <= 200 &&
      faults.filter(({ fault }) => fault !== 'lag').length <= 1 &&
      faults.every(({ fault }) => PASSING.has(fault));
    this.isHarmless = faults.every(({ fault }) => HARMLESS.has(fault));
  }

  /**
   * Whether nothing was wrong in a time that would delay a call.
   *
   * @param hasSeveralKeys whether the call, or one that ends with it, has several keys
   */
  isCalm(from: number, to: number, hasSeveralKeys = false): boolean {
    return this.schedule.faults.every((fault) => {
      // calls with one key follow it wherever it is, unless they wait behind a transaction whose keys are apart
      if (fault.fault === 'move' && !hasSeveralKeys && !hasTransactions(fault.tag, this.schedule))
        return true;
      // a connection that has vanished is noticed when it is used
      const over = fault.fault === 'vanish' ? Infinity : overAt(fault) + AFTERMATH_MS;
      return to < this.start + fault.at || this.start + over < from;
    });
  }

  /** Whether nothing was wrong in a time but the view of one node. */
  isAgreed(from: number, to: number): boolean {
    const { faults } = this.schedule;
    return (
      faults.filter(({ fault }) => fault === 'lag').length <= 1 &&
      faults.every(
        (fault) =>
          fault.fault === 'lag' ||
          to < this.start + fault.at ||
          // the others have heard of a slot that has moved
          this.start + overAt(fault) + (fault.fault === 'move' ? 0 : AFTERMATH_MS) < from,
      )
    );
  }

  /** Whether something was forbidden. */
  mayBeForbidden(from: number, to: number): boolean {
    return this.schedule.faults.some(
      (fault) =>
        fault.fault === 'forbid' &&
        this.start + fault.at <= to &&
        from <= this.start + overAt(fault) + ROLL_OUT_MS,
    );
  }

  /**
   * Whether the connection that a blocking call has alone may have died unnoticed, while the call was under way or since
   * the one before it. Such a call ends by its own timeout and its deadline.
   */
  mayBeStranded(from: number, to: number): boolean {
    const { faults, replyTimeoutMs = 200 } = this.schedule;
    return faults.some(
      ({ fault, at }) =>
        // a connection that was idle for longer is checked before it is used
        fault === 'vanish' && this.start + at <= to && from <= this.start + at + replyTimeoutMs,
    );
  }

  /** Whether a call must succeed before its deadline. @param isRepeatable whether it can be sent again */
  mustSucceed(isRepeatable: boolean): boolean {
    return this.isPassing && (isRepeatable || this.isHarmless);
  }
}

const hasTransactions = (tag: string, { calls, seats = [] }: Schedule): boolean =>
  seats.length > 0 || calls.some((one) => one.form === 'multi' && one.calls[0][0].endsWith(`{${tag}}`));
