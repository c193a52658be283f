import { Injectable } from '@nestjs/common';
import { type Observable, concatMap, map, merge } from 'rxjs';
import { saleView, type SaleView } from '../sales/sale-view.js';
import { SalesService } from '../sales/sales.service.js';
import { OrderEvents, type OrderPlaced } from './order-events.js';
import { type OrderView, orderView } from './order-view.js';
import { OrdersService } from './orders.service.js';

/** A sale with its newest orders, newest first. */
export interface SaleWithOrders extends SaleView {
  orders: OrderView[];
}

const NEWEST = 20;

/** What there is to say of a sale: itself, or one of its orders. */
export type SaleNewsItem = { type: 'sale'; data: SaleWithOrders } | { type: 'order'; data: OrderPlaced };

/** The news of a sale, for whatever brings them to a browser. */
@Injectable()
export class SaleNews {
  constructor(
    private readonly sales: SalesService,
    private readonly orders: OrdersService,
    private readonly events: OrderEvents,
  ) {}

  /**
   * First the `sale` as it is, with its newest orders, then each `order` as it is placed; the `sale` again where orders may have been missed.
   *
   * @throws NotFoundException so that what does not exist is refused, and not answered with silence
   */
  async of(saleId: string): Promise<Observable<SaleNewsItem>> {
    await this.sales.find(saleId);
    const order$ = this.events.ofSale(saleId).pipe(map((data) => ({ type: 'order' as const, data })));
    const sale$ = this.events.listening$.pipe(
      concatMap(() => this.read(saleId)),
      map((data) => ({ type: 'sale' as const, data })),
    );
    return merge(order$, sale$);
  }

  private async read(saleId: string): Promise<SaleWithOrders> {
    const [sale, orders] = await Promise.all([this.sales.find(saleId), this.orders.newest(saleId, NEWEST)]);
    return { ...saleView(sale), orders: orders.map(orderView) };
  }
}
