import { ClusterEntity, PartitionKey, PrimaryKey, Property, Shape } from 'keyslot';
import { Sale } from '../sales/sale.entity.js';

/** One piece of a sale, sold. Its number is its key, so that no piece can be sold twice. */
@ClusterEntity({ name: 'OrderItem', partition: () => Sale })
export class OrderItem {
  declare readonly [Shape]: { key: 'saleId' | 'piece' };

  @PartitionKey() saleId!: string;
  @PrimaryKey() piece!: number;
  @Property() orderId!: string;
  @Property() priceCents!: bigint;
}
