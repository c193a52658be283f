import {
  ClusterEntity,
  Counter,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  Unique,
  Version,
} from 'keyslot';
import type { PartitionForm } from './partition-truth.js';

/** Owns a partition: its row is written by everybody, with and without transactions. */
@ClusterEntity({ name: 'LoadHall' })
export class Hall {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() sold: number = 0;
  @Property() tally: number = 0;
  @Version() version!: number;
}

/** Has no token window: its deletes, and transactions of it alone, may end in doubt. */
@ClusterEntity({ name: 'LoadSeat', partition: () => Hall })
export class Seat {
  declare readonly [Shape]: { key: 'hallId' | 'id'; indexed: 'code' | 'worker' | 'state' | 'rank' };
  @PartitionKey() hallId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() code!: string;
  @Index() @Property() worker!: number;
  @Index({ name: 'byRank', fields: ['state', 'rank'] }) @Property() state!: string;
  @Property() rank: number = 0;
  @Property() note?: string;
  @Version() version!: number;
}

/** Has a token window: none of its writes ends in doubt. */
@ClusterEntity({ name: 'LoadSale', partition: () => Hall, idempotency: 'window' })
export class Sale {
  declare readonly [Shape]: { key: 'hallId' | 'id'; indexed: 'reference' | 'buyer'; counters: 'hits' };
  @PartitionKey() hallId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() reference!: string;
  @Index() @Property() buyer!: number;
  @Counter() hits!: number;
}

/** The seats of a hall that swap their codes. */
export const SWAPPERS = 6;
/** The most seats of a hall that may be held at once; transactions see to it by a query. */
export const MOST_HELD = 5;

export const HALL_FORM: PartitionForm = {
  owner: 'LoadHall',
  classes: {
    LoadSeat: {
      unique: 'code',
      indexes: [
        { name: 'worker', fields: [['worker', 'number']] },
        {
          name: 'byRank',
          fields: [
            ['state', 'text'],
            ['rank', 'number'],
          ],
        },
      ],
    },
    LoadSale: { unique: 'reference', indexes: [{ name: 'buyer', fields: [['buyer', 'number']] }] },
  },
};
