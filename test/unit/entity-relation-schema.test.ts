import {
  BelongsTo,
  ClusterEntity,
  type EntityClass,
  HasMany,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  type Related,
  SchemaError,
} from 'keyslot';
import { SchemaRegistry } from '../../lib/entity/rows/schema-registry.js';
import { Order, OrderItem } from '../cluster/entity/fixtures.js';

function faultsOf(type: EntityClass): readonly string[] {
  try {
    new SchemaRegistry().register([type]);
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
  return [];
}

class Undecorated {
  id!: string;
}

describe('the relations of a class', () => {
  it('report all their faults at once', () => {
    @ClusterEntity({ name: 'Other' })
    class Other {
      @PrimaryKey() id!: string;
    }

    @ClusterEntity({ name: 'Part', partition: () => Order })
    class Part {
      @PartitionKey() orderId!: string;
      @PrimaryKey() id!: string;
      @Property() wholeId?: string;
      @Property() count?: number;
      @HasMany(() => OrderItem, { by: 'nothing' }) unindexed!: Related<OrderItem[]>;
      @HasMany(() => Part, { by: 'wholeId' }) parts!: Related<Part[]>;
      @HasMany(() => OrderItem) some!: Related<OrderItem[]>;
      @HasMany(() => Order) owners!: Related<Order[]>;
      @HasMany(() => Other) others!: Related<Other[]>;
      @HasMany(OrderItem as unknown as () => typeof OrderItem) bare!: Related<OrderItem[]>;
      @HasMany((() => undefined) as unknown as () => typeof OrderItem) circular!: Related<OrderItem[]>;
      @HasMany(() => Undecorated) plain!: Related<Undecorated[]>;
      @BelongsTo(() => OrderItem) item!: Related<OrderItem | null>;
      @BelongsTo(() => Order, { by: 'orderId' }) order!: Related<Order | null>;
      @BelongsTo(() => Part, { by: 'count' }) whole!: Related<Part | null>;
      @BelongsTo(() => Part, { by: 'missing' }) lost!: Related<Part | null>;
      @HasMany(() => OrderItem, { by: 'x', cascade: 'all' as 'delete' }) @Property() twice!: Related<
        OrderItem[]
      >;
      @HasMany(() => OrderItem, { by: 'x', ...{ cascades: true } }) option!: Related<OrderItem[]>;
      @BelongsTo(() => Order) filled: Related<Order | null> = null;
      @HasMany(() => Part, { by: 'wholeId' }) started = [] as unknown as Related<Part[]>;
    }
    expect(faultsOf(Part)).toEqual([
      'Part.option has the unknown option cascades of @HasMany() (did you mean cascade?); known are by, cascade',
      'Part.twice is decorated twice, as property and as related rows',
      'Part.twice has a type that TypeScript does not emit (a union such as string | null, an array, an enum, an interface): name it, as in @Property(String), @Property(() => [String]), @Property({ enum: Status }), @Property(Object) for JSON, or @Embedded(() => Class)',
      'Part.started is a relation, which cannot have a value: remove its initializer',
      'Part.unindexed is related by OrderItem.nothing, which comes first in no index: decorate it with @Index()',
      'Part.parts is related by Part.wholeId, which comes first in no index: decorate it with @Index()',
      `Part.some is related to some of the OrderItem rows in the partition: name the property with the id, { by: '…' }`,
      'Part.owners is related to Order, which owns the partition: there is only one such row, use @BelongsTo()',
      `Part.others is related to Other, whose rows are in other partitions: a relation stays inside a partition, and an @Index({ scope: 'global' }) finds rows of all partitions`,
      'Part.bare names the class OrderItem: write () => OrderItem',
      'Part.circular names a class that is undefined: probably a circular import',
      'Part.plain is related to Undecorated, which has no @ClusterEntity decorator',
      `Part.item is related to OrderItem, which does not own the partition: name the property with its id, { by: '…' }`,
      'Part.order is related to Order, which owns the partition: leave out by',
      'Part.whole is related to Part by count, whose type is not that of the primary key',
      'Part.lost is related to Part by missing, which is no plain @Property()',
      `Part.twice has the cascade "all"; the only value is 'delete'`,
      'Part.twice is related by OrderItem.x, which comes first in no index: decorate it with @Index()',
      'Part.option is related by OrderItem.x, which comes first in no index: decorate it with @Index()',
      'Part.started is related by Part.wholeId, which comes first in no index: decorate it with @Index()',
    ]);
  });

  it('delete in cascade only by an index that has all rows', () => {
    @ClusterEntity({ name: 'Job', partition: () => Order })
    class Job {
      @PartitionKey() orderId!: string;
      @PrimaryKey() id!: string;
      @Index({ name: 'byDue', fields: ['parent', 'due'] }) @Property() parent?: string;
      @Property() due?: Date;
      @HasMany(() => Job, { by: 'parent', cascade: 'delete' }) jobs!: Related<Job[]>;
      @HasMany(() => Job, { by: 'parent' }) shown!: Related<Job[]>;
    }
    expect(faultsOf(Job)).toEqual([
      "Job.jobs deletes in cascade by the index 'byDue' of Job, which leaves out rows that lack one of its properties: declare it with { nulls: true }, or index parent alone",
    ]);
  });

  it('of the owner of a partition are all rows of the class', () => {
    @ClusterEntity({ name: 'Line', partition: () => Whole })
    class Line {
      @PartitionKey() wholeId!: string;
      @PrimaryKey() id!: string;
      @Index() @Property() kind!: string;
    }
    @ClusterEntity({ name: 'Whole' })
    class Whole {
      @PrimaryKey() id!: string;
      @HasMany(() => Line, { by: 'wholeId' }) lines!: Related<Line[]>;
      @HasMany(() => Line, { by: 'kind' }) kinds!: Related<Line[]>;
      @BelongsTo(() => Line) line!: Related<Line | null>;
    }
    expect(faultsOf(Whole)).toEqual([
      'Whole.kinds is related to all Line rows of the partition: leave out by',
      'Whole.line is related to Line, but a class that owns its partition belongs to no row of it',
    ]);
  });
});
