import { ClusterEntity, Index, PartitionKey, PrimaryKey, Property, Shape } from 'keyslot';
import { Sale } from '../sales/sale.entity.js';

/** What somebody bought in a sale. The buyer chooses its id: sent twice, it is one order. */
@ClusterEntity({ name: 'Order', partition: () => Sale })
export class Order {
  declare readonly [Shape]: { key: 'saleId' | 'id'; indexed: 'firstPiece' };

  @PartitionKey() saleId!: string;
  @PrimaryKey() id!: string;
  @Property() buyer!: string;
  @Property() quantity!: number;
  /**
   * Its items are the pieces from this one on, so that they are found without an index. With one, orders are found
   * in the order in which they were placed.
   */
  @Index() @Property() firstPiece!: number;
  @Property() totalCents!: bigint;
  @Property() placedAt!: Date;

  get pieces(): number[] {
    return Array.from({ length: this.quantity }, (_, i) => this.firstPiece + i);
  }
}
