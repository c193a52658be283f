import { setTimeout as delay } from 'node:timers/promises';
import type { PartitionTruth } from '../halls/partition-truth.js';
import { SUM } from './model.js';
import type { TillEvent } from './till-roles.js';

/** What is wrong with a till, and how much was done there. */
export interface TillVerdict {
  readonly receipts: number;
  readonly visits: number;
  /** Holders that learnt that their lock was another's. */
  readonly locksLost: number;
  readonly failures: readonly string[];
  /** Answered and not there. */
  readonly lost: number;
  /** There more often than was done, or counted more than once. */
  readonly twice: number;
  /** Refused, or never begun, and there. */
  readonly untruthful: number;
  /** Writes under a lock that another was holding by then: visits that two holders counted as the same. */
  readonly unfenced: number;
  /** Tokens that are smaller than that of an earlier visit. */
  readonly tokensBack: number;
  /** Where rows, indexes and unique constraints do not agree. */
  readonly faults: readonly string[];
}

const PATIENCE_MS = 180_000;

/** What all who work on a till have reported. */
export class TillBooks {
  private readonly receipts = new Map<string, 'begun' | 'done' | 'refused'>();
  private readonly visits: { readonly token: bigint; readonly visits: number }[] = [];
  private visitsBegun = 0;
  private visitsRefused = 0;
  private locksLost = 0;
  private readonly failures: string[] = [];
  private readonly counts = new Map<TillEvent['type'], number>();

  readonly record = (event: TillEvent): void => {
    this.counts.set(event.type, (this.counts.get(event.type) ?? 0) + 1);
    switch (event.type) {
      case 'receipt begun':
      case 'receipt done':
      case 'receipt refused':
        this.receipts.set(event.id, event.type.split(' ')[1] as 'begun');
        break;
      case 'visit begun':
        this.visitsBegun++;
        break;
      case 'visit refused':
        this.visitsRefused++;
        break;
      case 'visit done':
        this.visits.push({ token: BigInt(event.token), visits: event.visits });
        break;
      case 'lock lost':
        this.locksLost++;
        break;
      case 'failed':
        this.failures.push(event.error);
        break;
      default:
    }
  };

  judge({ owner, rows, faults }: PartitionTruth): TillVerdict {
    const stored = rows.Receipt;
    const count = (state: string, isThere: boolean): number =>
      [...this.receipts].filter(([id, of]) => of === state && stored.has(id) === isThere).length;
    const strangers = [...stored.keys()].filter((id) => !this.receipts.has(id)).length;
    const done = this.visits.length;
    const inDoubt = this.visitsBegun - this.visitsRefused - done;
    const storedVisits = Number(owner.visits ?? 0);
    const byVisit = this.visits.toSorted((a, b) => a.visits - b.visits);
    const sum = Number(rows.Sum.get(SUM)?.receipts ?? 0);
    return {
      receipts: stored.size,
      visits: storedVisits,
      locksLost: this.locksLost,
      failures: this.failures,
      lost: count('done', false) + Math.max(0, done - storedVisits) + Math.max(0, stored.size - sum),
      twice: Math.max(0, storedVisits - done - inDoubt) + Math.max(0, sum - stored.size),
      untruthful: count('refused', true) + strangers,
      unfenced: done - new Set(this.visits.map(({ visits }) => visits)).size,
      tokensBack: byVisit.filter(({ token }, i) => i > 0 && token < byVisit[i - 1].token).length,
      faults,
    };
  }

  /** Waits until so many events more of a type are recorded. */
  async untilMore(type: TillEvent['type'], more: number): Promise<void> {
    const count = (): number => this.counts.get(type) ?? 0;
    const goal = count() + more;
    for (const end = performance.now() + PATIENCE_MS; count() < goal; await delay(10))
      if (performance.now() > end) throw new Error(`Nobody reports: ${type}`);
  }
}
