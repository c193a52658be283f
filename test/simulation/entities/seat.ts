import type * as Keyslot from 'keyslot';
import type { SeatRow } from './seat-row.js';

type Decorators = Pick<
  typeof Keyslot,
  'ClusterEntity' | 'Counter' | 'Index' | 'PartitionKey' | 'PrimaryKey' | 'Property' | 'Unique' | 'Version'
>;

/** Returns the classes whose rows are recorded, made by the decorators of the build that stores them. */
export function seatClasses(decorators: Decorators) {
  const { ClusterEntity, Counter, Index, PartitionKey, PrimaryKey, Property, Unique, Version } = decorators;

  /** Owns a partition. It has no row. */
  @ClusterEntity({ name: 'Hall' })
  class Hall {
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
  class Seat extends Row {}

  /** Rows that remember their last writes by themselves: some calls may end with an unknown outcome. */
  @ClusterEntity({ name: 'Stool', partition: () => Hall })
  class Stool extends Row {}

  return { Hall, Seat, Stool };
}
