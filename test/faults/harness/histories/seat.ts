import { ClusterEntity, Counter, Index, PartitionKey, PrimaryKey, Property, Unique, Version } from 'keyslot';
import type { SeatRow } from '../../../simulation/entities/seat-row.js';

/** Owns a partition. It has no row. */
@ClusterEntity({ name: 'Hall' })
export class Hall {
  @PrimaryKey() id!: string;
}

abstract class Row implements SeatRow {
  @PartitionKey() hallId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() badge!: string;
  @Index({ name: 'byRank', fields: ['state', 'rank'] }) @Property() state!: string;
  @Property() rank!: number;
  @Property() note!: string;
  @Counter() visits!: number;
  @Version() version!: number;
}

/** Rows whose repeated writes are recognized by a token window. */
@ClusterEntity({ name: 'Seat', partition: () => Hall, idempotency: 'window' })
export class Seat extends Row {}

/** Rows that remember their last writes by themselves: some calls may end with an unknown outcome. */
@ClusterEntity({ name: 'Stool', partition: () => Hall })
export class Stool extends Row {}
