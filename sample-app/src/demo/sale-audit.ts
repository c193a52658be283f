import { Injectable } from '@nestjs/common';
import { OrdersService } from '../orders/orders.service.js';
import { SalesService } from '../sales/sales.service.js';

/** What a sale and its orders hold, compared with each other and with what buyers were told. */
export interface Audit {
  /** The pieces that the sale counts as sold. */
  sold: number;
  /** The orders that there are. */
  orders: number;
  /** Pieces that were sold more often than once, or taken from the stock without an order. */
  twice: number;
  /** Buyers who were told that they have one, and do not. */
  lost: number;
}

@Injectable()
export class SaleAudit {
  constructor(
    private readonly sales: SalesService,
    private readonly orders: OrdersService,
  ) {}

  /** @param confirmed the ids of the orders that buyers were told of */
  async audit(saleId: string, confirmed: ReadonlySet<string>): Promise<Audit> {
    const [{ sold: before }, orders] = [await this.sales.find(saleId), await this.orders.all(saleId)];
    const { sold } = await this.sales.find(saleId);
    if (sold !== before) return this.audit(saleId, confirmed); // somebody has bought meanwhile
    const pieces = orders.flatMap((order) => order.pieces);
    const distinct = new Set(pieces).size;
    const ids = new Set(orders.map(({ id }) => id));
    return {
      sold,
      orders: orders.length,
      twice: pieces.length - distinct + Math.max(0, sold - distinct),
      lost: [...confirmed].filter((id) => !ids.has(id)).length,
    };
  }
}
