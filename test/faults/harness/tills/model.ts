import { ClusterEntity, Counter, Index, PartitionKey, PrimaryKey, Property, Shape, Unique } from 'keyslot';
import type { PartitionForm } from '../halls/partition-truth.js';

/** Owns a partition. Its row is written under a lock only. */
@ClusterEntity({ name: 'Till', idempotency: 'window' })
export class Till {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() visits: number = 0;
  /** Of the last visit. */
  @Property() token?: string;
}

/** Has an outbox entry for each write. */
@ClusterEntity({ name: 'Receipt', partition: () => Till, changes: { maxLength: 1_000_000 } })
export class Receipt {
  declare readonly [Shape]: { key: 'tillId' | 'id'; indexed: 'reference' | 'buyer' };
  @PartitionKey() tillId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() reference!: string;
  @Index() @Property() buyer!: number;
}

/** What the followers of receipts have counted. */
@ClusterEntity({ name: 'Sum', partition: () => Till })
export class Sum {
  declare readonly [Shape]: { key: 'tillId' | 'id'; counters: 'receipts' };
  @PartitionKey() tillId!: string;
  @PrimaryKey() id!: string;
  @Counter() receipts!: number;
}

export const TILL_CLASSES = [Till, Receipt, Sum] as const;
export const SUM = 'sum';

export const TILL_FORM: PartitionForm = {
  owner: 'Till',
  classes: {
    Receipt: { unique: 'reference', indexes: [{ name: 'buyer', fields: [['buyer', 'number']] }] },
    Sum: { indexes: [] },
  },
};
