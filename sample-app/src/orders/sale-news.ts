import { Injectable } from '@nestjs/common';
import { type Observable, concatMap, map, merge } from 'rxjs';
import { saleView, type SaleView } from '../sales/sale-view.js';
import { SalesService } from '../sales/sales.service.js';
import { OrderEvents, type OrderPlaced } from './order-events.js';

/** What there is to say of a sale: itself, or one of its orders. */
export type SaleNewsItem = { type: 'sale'; data: SaleView } | { type: 'order'; data: OrderPlaced };

/** The news of a sale, for whatever brings them to a browser. */
@Injectable()
export class SaleNews {
  constructor(
    private readonly sales: SalesService,
    private readonly orders: OrderEvents,
  ) {}

  /**
   * First the `sale` as it is, then each `order` as it is placed; the `sale` again where orders may have been missed.
   *
   * @throws NotFoundException so that what does not exist is refused, and not answered with silence
   */
  async of(saleId: string): Promise<Observable<SaleNewsItem>> {
    await this.sales.find(saleId);
    const order$ = this.orders.ofSale(saleId).pipe(map((data) => ({ type: 'order' as const, data })));
    const sale$ = this.orders.listening$.pipe(
      concatMap(() => this.sales.find(saleId)),
      map((sale) => ({ type: 'sale' as const, data: saleView(sale) })),
    );
    return merge(order$, sale$);
  }
}
