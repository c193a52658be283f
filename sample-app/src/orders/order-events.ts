import { Injectable, Logger } from '@nestjs/common';
import { ClusterPubSub } from 'keyslot';
import { type Observable, defer, filter, map, merge } from 'rxjs';
import type { Sale } from '../sales/sale.entity.js';
import { type OrderView, orderView } from './order-view.js';
import type { Order } from './order.entity.js';

export const ORDER_PLACED = 'orders.placed';

/** Published when an order was placed. */
export interface OrderPlaced extends OrderView {
  saleId: string;
  /** How many pieces of the sale were sold then, with this order. */
  sold: number;
}

/** The news of orders, to and from all processes of the application. */
@Injectable()
export class OrderEvents {
  private readonly logger = new Logger(OrderEvents.name);

  /** A word once listening has begun, and after each interruption: the time to read what the news are about. */
  readonly listening$: Observable<unknown>;

  constructor(private readonly pubsub: ClusterPubSub) {
    this.listening$ = merge(
      defer(() => pubsub.ready(ORDER_PLACED)),
      pubsub.gaps$,
    );
  }

  /** Tells everybody of an order. It stands, whether or not anybody hears of it: nobody waits for this. */
  placed(order: Order, { id: saleId, sold }: Sale): void {
    const event: OrderPlaced = { ...orderView(order), saleId, sold };
    this.pubsub.publish(ORDER_PLACED, event).catch((error: unknown) => {
      this.logger.warn(
        `Order ${order.id} of sale ${saleId} is placed, and was not announced: ${String(error)}`,
      );
    });
  }

  /** The orders of one sale, from when `listening$` says so. */
  ofSale(saleId: string): Observable<OrderPlaced> {
    return this.pubsub.channel<OrderPlaced>(ORDER_PLACED).pipe(
      map(({ payload }) => payload),
      filter((order) => order.saleId === saleId),
    );
  }
}
