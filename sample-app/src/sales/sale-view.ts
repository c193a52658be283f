import type { Sale } from './sale.entity.js';

/** A sale as it is shown. */
export interface SaleView {
  id: string;
  title: string;
  priceCents: number;
  stock: number;
  sold: number;
  left: number;
}

export function saleView({ id, title, priceCents, stock, sold, left }: Sale): SaleView {
  return { id, title, priceCents: Number(priceCents), stock, sold, left };
}
