import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { buy } from './buyer.js';
import { Doors } from './doors.js';
import { type Audit, SaleAudit } from './sale-audit.js';

/** How the buyers of a sale fare who were sent from this process. */
export interface CrowdReport {
  buyers: number;
  /** Those who have no answer yet. */
  waiting: number;
  bought: number;
  late: number;
  /** Answers that left open whether the order was placed. The order was sent again. */
  unknown: number;
  /** Answers that the order was not placed, and may be sent again. It was. */
  refused: number;
  /** Buyers who never got an answer. */
  error: number;
  /** Made when nobody waits any more. */
  audit?: Audit;
}

/** The body of `POST /demo/sales/:saleId/buyers`. */
export interface NewCrowd {
  buyers: number;
  /** They arrive evenly over this time. */
  seconds: number;
}

const REMEMBERED_SALES = 100;
const AUDIT_AGAIN_MS = 500;
const NAMES = 'Ada Bo Chidi Dalia Emre Fatou Goran Hana Ines Jun Kofi Lena'.split(' ');

interface Entry {
  readonly report: CrowdReport;
  /** The ids of the orders that buyers were told of. */
  readonly confirmed: Set<string>;
}

/** Buyers who come over HTTP, as any others, and are counted. */
@Injectable()
export class Crowd {
  private readonly sales = new Map<string, Entry>();

  constructor(
    private readonly doors: Doors,
    private readonly auditor: SaleAudit,
  ) {}

  report(saleId: string): CrowdReport | undefined {
    return this.sales.get(saleId)?.report;
  }

  /** Sends buyers to a sale. Resolves when each of them has an answer, and the sale is audited. */
  async send(saleId: string, { buyers, seconds }: NewCrowd): Promise<void> {
    const { report } = this.entry(saleId);
    report.buyers += buyers;
    report.waiting += buyers;
    delete report.audit;
    const interval = (1_000 * seconds) / buyers;
    await Promise.all(Array.from({ length: buyers }, (_, i) => this.sendOne(saleId, i * interval)));
    if (report.waiting === 0) await this.audit(saleId);
  }

  private async sendOne(saleId: string, afterMs: number): Promise<void> {
    const { report, confirmed } = this.entry(saleId);
    await delay(afterMs);
    const orderId = randomUUID();
    const buyer = NAMES[Math.floor(Math.random() * NAMES.length)];
    const ending = await buy(
      () => this.doors.next(),
      saleId,
      { orderId, buyer, quantity: 1 },
      (setback) => (report[setback] += 1),
    );
    if (ending === 'bought') confirmed.add(orderId);
    report[ending] += 1;
    report.waiting -= 1;
  }

  private async audit(saleId: string): Promise<void> {
    const { report, confirmed } = this.entry(saleId);
    while (report.waiting === 0) {
      try {
        report.audit = await this.auditor.audit(saleId, confirmed);
        return;
      } catch {
        await delay(AUDIT_AGAIN_MS); // the cluster may be recovering
      }
    }
  }

  private entry(saleId: string): Entry {
    const known = this.sales.get(saleId);
    if (known) return known;
    const report = { buyers: 0, waiting: 0, bought: 0, late: 0, unknown: 0, refused: 0, error: 0 };
    const entry: Entry = { report, confirmed: new Set() };
    this.sales.set(saleId, entry);
    if (this.sales.size > REMEMBERED_SALES) this.sales.delete([...this.sales.keys()][0]);
    return entry;
  }
}
