import { Injectable, Logger } from '@nestjs/common';
import { Payload, Subscribe } from 'keyslot';
import { ORDER_PLACED, type OrderPlaced } from '../orders/order-events.js';

/** What was earned since this process started, as far as it has heard: news, not accounts. */
export interface Revenue {
  orders: number;
  cents: number;
}

@Injectable()
export class RevenueService {
  private readonly logger = new Logger(RevenueService.name);
  private orders = 0;
  private cents = 0;

  get revenue(): Revenue {
    return { orders: this.orders, cents: this.cents };
  }

  @Subscribe(ORDER_PLACED)
  onOrderPlaced(@Payload() { id, quantity, totalCents }: OrderPlaced): void {
    this.orders += 1;
    this.cents += totalCents;
    this.logger.log(`Order ${id}: ${quantity} at ${(totalCents / 100).toFixed(2)}`);
  }
}
