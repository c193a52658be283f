import { ClusterEntity, PrimaryKey, Property, Shape } from 'keyslot';

/** A number of pieces at a price. A sale is a partition: its orders and their items live in its slot. */
@ClusterEntity({ name: 'Sale' })
export class Sale {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey({ generate: 'uuidv7' }) id!: string;
  @Property() title!: string;
  @Property() priceCents!: bigint;
  /** How many pieces there were at the start. */
  @Property() stock!: number;
  /** How many of them are sold: the pieces from 1 to this one. */
  @Property() sold: number = 0;

  get left(): number {
    return this.stock - this.sold;
  }
}
