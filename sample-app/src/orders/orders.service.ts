import { Injectable, NotFoundException } from '@nestjs/common';
import { type ClusterRepository, InjectClusterRepository, type PartitionTransaction } from 'keyslot';
import { Sale } from '../sales/sale.entity.js';
import type { NewOrder } from './new-order.js';
import { OrderEvents } from './order-events.js';
import { OrderItem } from './order-item.entity.js';
import { OrderIdTakenException, SoldOutException } from './order-refusals.js';
import { Order } from './order.entity.js';

@Injectable()
export class OrdersService {
  constructor(
    @InjectClusterRepository(Sale) private readonly sales: ClusterRepository<Sale>,
    @InjectClusterRepository(Order) private readonly orders: ClusterRepository<Order>,
    @InjectClusterRepository(OrderItem) private readonly items: ClusterRepository<OrderItem>,
    private readonly events: OrderEvents,
  ) {}

  /**
   * Takes pieces from the stock and writes the order and its items: all in one step, or nothing. Placed again, an order
   * is found and given back, whether or not its sale is sold out by then.
   *
   * @throws NotFoundException SoldOutException OrderIdTakenException
   */
  async place(saleId: string, wanted: NewOrder): Promise<{ order: Order; isNew: boolean }> {
    const placed = await this.sales.transaction(saleId, async (tx) => {
      // What is read here must still be so when the transaction commits; if not, this function runs again.
      const [sale, earlier] = await Promise.all([
        tx.get(Sale, saleId),
        tx.get(Order, { saleId, id: wanted.orderId }),
      ]);
      if (!sale) throw new NotFoundException(`There is no sale ${saleId}`);
      if (earlier) return { sale, order: sameOrder(earlier, wanted), isNew: false };
      return { sale, order: this.sell(tx, sale, wanted), isNew: true };
    });
    if (placed.isNew) this.events.placed(placed.order, placed.sale);
    return placed;
  }

  /**
   * An order with its items.
   *
   * @throws NotFoundException
   */
  async find(saleId: string, id: string): Promise<{ order: Order; items: OrderItem[] }> {
    const order = await this.orders.findOne({ saleId, id });
    if (!order) throw new NotFoundException(`There is no order ${id} in sale ${saleId}`);
    const items = await this.items.findMany(order.pieces.map((piece) => ({ saleId, piece })));
    return { order, items: items.filter((item) => item !== null) };
  }

  /** The newest orders of a sale, newest first. */
  newest(saleId: string, limit: number): Promise<Order[]> {
    return this.orders.findBy({ saleId }, { order: { firstPiece: 'desc' }, limit });
  }

  /** All orders of a sale, in the order in which they were placed. */
  all(saleId: string): Promise<Order[]> {
    return this.orders.findBy({ saleId }, { order: { firstPiece: 'asc' } });
  }

  private sell(tx: PartitionTransaction, sale: Sale, { orderId, buyer, quantity }: NewOrder): Order {
    if (sale.left < quantity) throw new SoldOutException(sale.left);
    const { id: saleId, priceCents } = sale;
    const order = this.orders.create({
      saleId,
      id: orderId,
      buyer,
      quantity,
      firstPiece: sale.sold + 1,
      totalCents: priceCents * BigInt(quantity),
      placedAt: new Date(),
    });
    sale.sold += quantity;
    tx.save(sale);
    tx.insert(order);
    for (const piece of order.pieces) tx.insert(this.items.create({ saleId, piece, orderId, priceCents }));
    return order;
  }
}

function sameOrder(earlier: Order, { buyer, quantity }: NewOrder): Order {
  if (earlier.buyer === buyer && earlier.quantity === quantity) return earlier;
  throw new OrderIdTakenException(earlier.id);
}
