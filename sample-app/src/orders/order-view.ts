import type { OrderItem } from './order-item.entity.js';
import type { Order } from './order.entity.js';

/** An order as it is shown. */
export interface OrderView {
  id: string;
  buyer: string;
  quantity: number;
  totalCents: number;
  placedAt: string;
}

export interface OrderItemView {
  piece: number;
  priceCents: number;
}

export function orderView({ id, buyer, quantity, totalCents, placedAt }: Order): OrderView {
  return { id, buyer, quantity, totalCents: Number(totalCents), placedAt: placedAt.toISOString() };
}

export function orderItemView({ piece, priceCents }: OrderItem): OrderItemView {
  return { piece, priceCents: Number(priceCents) };
}
