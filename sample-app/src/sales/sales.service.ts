import { Injectable, NotFoundException } from '@nestjs/common';
import { ClusterClient, type ClusterRepository, InjectClusterRepository, keySlot } from 'keyslot';
import type { NewSale } from './new-sale.js';
import { Sale } from './sale.entity.js';

@Injectable()
export class SalesService {
  constructor(
    @InjectClusterRepository(Sale) private readonly sales: ClusterRepository<Sale>,
    private readonly cluster: ClusterClient,
  ) {}

  open({ title, priceCents, stock }: NewSale): Promise<Sale> {
    return this.sales.insert(this.sales.create({ title, priceCents: BigInt(priceCents), stock }));
  }

  /** @throws NotFoundException */
  async find(saleId: string): Promise<Sale> {
    const sale = await this.sales.findOne(saleId);
    if (!sale) throw new NotFoundException(`There is no sale ${saleId}`);
    return sale;
  }

  /** Where the sale lives, with all its orders. */
  place(saleId: string): SalePlace {
    const key = this.sales.keyOf(saleId);
    const slot = keySlot(key);
    return { key, slot, node: this.cluster.topology.nodeForSlot(slot)?.name };
  }
}

export interface SalePlace {
  key: string;
  slot: number;
  /** The node that serves the slot now, if any does. */
  node?: string;
}
