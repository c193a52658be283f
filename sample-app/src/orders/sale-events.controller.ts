import { Controller, type MessageEvent, Param, Sse } from '@nestjs/common';
import { type Observable, concatMap, interval, map, merge } from 'rxjs';
import { IdPipe } from '../http/id.pipe.js';
import { saleView } from '../sales/sale-view.js';
import { SalesService } from '../sales/sales.service.js';
import { OrderEvents } from './order-events.js';

/** Below what proxies commonly allow a connection to be idle. */
const KEEP_ALIVE_MS = 20_000;

@Controller('sales/:saleId/events')
export class SaleEventsController {
  constructor(
    private readonly sales: SalesService,
    private readonly orders: OrderEvents,
  ) {}

  /** First the `sale` as it is, then each `order` as it is placed; the `sale` again where orders may have been missed. */
  @Sse()
  async events(@Param('saleId', IdPipe) saleId: string): Promise<Observable<MessageEvent>> {
    await this.sales.find(saleId); // so that what does not exist is answered with 404, and not with an empty stream
    const order$ = this.orders.ofSale(saleId).pipe(map((order) => ({ type: 'order', data: order })));
    const sale$ = this.orders.listening$.pipe(
      concatMap(() => this.sales.find(saleId)),
      map((sale) => ({ type: 'sale', data: saleView(sale) })),
    );
    const keepAlive$ = interval(KEEP_ALIVE_MS).pipe(map(() => ({ type: 'keep-alive', data: '' })));
    return merge(order$, sale$, keepAlive$);
  }
}
