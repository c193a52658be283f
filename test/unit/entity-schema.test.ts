import {
  assertShape,
  ClusterEntity,
  Counter,
  Embedded,
  type EntityClass,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  Shape,
  Unique,
  UpdatedAt,
  Version,
} from 'keyslot';
import { SchemaRegistry } from '../../lib/entity/rows/schema-registry.js';

@ClusterEntity({ name: 'Owner' })
class Owner {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Member', partition: () => Owner })
class Member {
  @PartitionKey() ownerId!: string;
  @PrimaryKey() id!: string;
}

function faultsOf(...types: (EntityClass | undefined)[]): readonly string[] {
  try {
    new SchemaRegistry().register(types);
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
  return [];
}

describe('a registry of schemas', () => {
  it('accepts valid classes, repeatedly', () => {
    const registry = new SchemaRegistry();
    registry.register([Owner, Member]);
    registry.register([Member]);
    expect(registry.mapper(Member).schema).toMatchObject({ name: 'Member', partitionName: 'Owner' });
  });

  it('reports all faults of all classes at once', () => {
    @ClusterEntity({ name: 'No key' })
    class NoKey {
      @Property() text!: string;
    }
    @ClusterEntity({ name: 'Untyped' })
    class Untyped {
      @PrimaryKey() id!: string;
      @Property() list!: string[];
      @Property() either!: string | number;
      @Property(() => undefined) later!: unknown;
      @Property(() => Map) map!: unknown;
      @Property({ enum: [] }) none!: string;
      @Property({ enum: ['1', 1] }) same!: string | number;
    }
    class Plain {
      text = '';
    }
    const faults = faultsOf(NoKey, Untyped, Plain as EntityClass, undefined);
    expect(faults).toEqual([
      expect.stringMatching(/^NoKey has the name "No key"/),
      expect.stringMatching(/^NoKey has no primary key/),
      expect.stringMatching(/^Untyped\.list has a type that TypeScript does not emit/),
      expect.stringMatching(/^Untyped\.either has a type that TypeScript does not emit/),
      expect.stringMatching(/^Untyped\.later names a type that is undefined/),
      expect.stringMatching(/^Untyped\.map names a type that is neither/),
      expect.stringMatching(/^Untyped\.none has an enum without values/),
      expect.stringMatching(/^Untyped\.same has an enum with two values that have the same text/),
      expect.stringMatching(/^Plain has no @ClusterEntity/),
      expect.stringMatching(/^Entity 4 of 4 is undefined: probably a circular import/),
    ]);
  });

  it('asks whether a file is loaded twice, if two classes of one name are entities of one name', () => {
    const load = () => {
      @ClusterEntity({ name: 'Twice' })
      class Twice {
        @PrimaryKey() id!: string;
      }
      return Twice;
    };
    expect(faultsOf(load(), load())).toEqual([
      "There are two classes Twice, entities with the same name 'Twice': is one file loaded twice?",
    ]);
  });

  it('rejects a generator of ids that does not exist', () => {
    @ClusterEntity({ name: 'Made' })
    class Made {
      @PrimaryKey({ generate: 'uuid' as 'ulid' }) id!: string;
    }
    expect(faultsOf(Made)).toEqual([
      "Made.id has an unknown generator of ids: there are 'uuidv7', 'ulid' or a function",
    ]);
  });

  it('rejects two entities of the same name, and registers neither', () => {
    @ClusterEntity({ name: 'Owner' })
    class Other {
      @PrimaryKey() id!: string;
    }
    const registry = new SchemaRegistry();
    expect(() => registry.register([Owner, Other])).toThrow(/two entities with the same name 'Owner'/);
    registry.register([Other]);
    expect(() => registry.mapper(Owner)).toThrow(SchemaError);
    expect(faultsOf(Owner)).toEqual([]); // another application
  });

  it('rejects invalid partitions', () => {
    @ClusterEntity({ name: 'A', partition: () => undefined as never })
    class Undefined {
      @PartitionKey() of!: string;
      @PrimaryKey() id!: string;
    }
    @ClusterEntity({ name: 'B', partition: () => String as never })
    class OfString {
      @PartitionKey() of!: string;
      @PrimaryKey() id!: string;
    }
    @ClusterEntity({ name: 'C', partition: () => Member })
    class Chained {
      @PartitionKey() of!: string;
      @PrimaryKey() id!: string;
    }
    @ClusterEntity({ name: 'D', partition: () => Owner })
    class WithoutKey {
      @PrimaryKey() id!: string;
    }
    @ClusterEntity({ name: 'G', partition: Owner as never })
    class WithoutArrow {
      @PartitionKey() of!: string;
      @PrimaryKey() id!: string;
    }
    expect(faultsOf(WithoutArrow)).toContain(
      'WithoutArrow has the class Owner as its partition: write () => Owner',
    );
    @ClusterEntity({ name: 'H', partition: 'Owner' as never })
    class OfName {
      @PartitionKey() of!: string;
      @PrimaryKey() id!: string;
    }
    expect(faultsOf(OfName)).toContain(
      'OfName must give its partition as a function, () => Owner, got a string',
    );
    @ClusterEntity({ name: 'E' })
    class WithoutPartition {
      @PartitionKey() of!: string;
      @PrimaryKey() id!: string;
    }
    @ClusterEntity({ name: 'F', partition: () => Owner })
    class OtherType {
      @PartitionKey() of!: number;
      @PrimaryKey() id!: string;
    }
    expect(faultsOf(Undefined, OfString, Chained, WithoutKey, WithoutPartition, OtherType)).toEqual([
      expect.stringMatching(
        /^Undefined has a partition\(\) that returns undefined: probably a circular import/,
      ),
      expect.stringMatching(/^OfString lives in the partition of String, which has no @ClusterEntity/),
      expect.stringMatching(
        /^Chained lives in the partition of Member, which itself lives in another partition/,
      ),
      expect.stringMatching(/^WithoutKey lives in a partition and has no property with @PartitionKey/),
      expect.stringMatching(
        /^WithoutPartition\.of is a partition key, and @ClusterEntity names no partition/,
      ),
      expect.stringMatching(/^OtherType\.of is a number, and the primary key it refers to a string/),
    ]);
  });

  it('rejects properties in roles that do not fit their type', () => {
    class Part {
      @PrimaryKey() id!: string;
      @Property() text!: string;
    }
    @ClusterEntity({ name: 'Roles' })
    class Roles {
      @PrimaryKey() id!: Date & string;
      @PrimaryKey() id2!: string;
      @(Counter() as PropertyDecorator) count!: string;
      @(Version() as PropertyDecorator) version!: string;
      @Property() @(Counter() as PropertyDecorator) twice!: number;
      @Property() '~v'!: string;
      @Property() ['__proto__']!: string;
      @Embedded(() => Part) part!: Part;
    }
    expect(faultsOf(Roles).map((fault) => fault.replace(/^Roles\.?/, ''))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/more than one primary key: id, id2/),
        expect.stringMatching(/^count is a counter, and its type is not number or bigint/),
        expect.stringMatching(/^version is the version, and its type is not Number/),
        expect.stringMatching(/^twice is decorated twice/),
        expect.stringMatching(/^~v has a name that no stored property can have/),
        expect.stringMatching(/^__proto__ has a name that no stored property can have/),
        expect.stringMatching(/^Part\.id is a primary key, which an embedded value cannot have/),
      ]),
    );
  });

  it('rejects indexes that cannot answer a query or cannot be maintained', () => {
    @ClusterEntity({ name: 'Alone' })
    class Alone {
      @PrimaryKey() id!: string;
      @Index() @Property() size!: number;
    }
    @ClusterEntity({ name: 'Indexed', partition: () => Owner })
    class Indexed {
      @PartitionKey() ownerId!: string;
      @Index() @PrimaryKey() id!: string;
      @Index() @Property() bytes!: Buffer;
      @Unique() @Property(Object) any!: unknown;
      @Index() @Index({ fields: ['size', 'size'] }) @Property() size!: number;
      @Index({ name: 'a b', fields: ['size', 'nothing'] }) @Counter() count!: number;
      @(UpdatedAt() as PropertyDecorator) changed!: string;
    }
    expect([...faultsOf(Alone, Indexed)].sort()).toEqual([
      expect.stringMatching(/^Alone has the index 'size', but each of its rows is its own partition/),
      expect.stringMatching(/^Indexed has the index 'a b': letters, digits/),
      expect.stringMatching(/^Indexed has the index 'size' over no fields, or over one field twice/),
      expect.stringMatching(/^Indexed has two indexes with the same name 'size'/),
      expect.stringMatching(
        /^Indexed\.any is in the unique 'any', and a value that JSON can hold has no order/,
      ),
      expect.stringMatching(/^Indexed\.bytes is in the index 'bytes', and a Buffer has no order/),
      expect.stringMatching(/^Indexed\.changed is the update time, and its type is not Date/),
      expect.stringMatching(/^Indexed\.id is in the index 'id', but has no @Property/),
      expect.stringMatching(/^Indexed\.nothing is in the index 'a b', but has no @Property/),
    ]);
  });

  it('accepts inherited properties, as redeclared by child classes', () => {
    class Base {
      @PrimaryKey() id!: string;
      @Property() name!: string;
      @Property() size!: string;
    }
    @ClusterEntity({ name: 'Child' })
    class Child extends Base {
      @Property(() => Number) declare size: never;
    }
    const { schema } = new SchemaRegistry().mapper(Child);
    expect(schema.fields.map(({ property, codec }) => [property, codec.expects])).toEqual([
      ['name', 'a string'],
      ['size', 'a finite number'],
    ]);
  });

  it('names the compiler option if decorators follow the newer standard', () => {
    const decorate = Property() as unknown as (value: undefined, context: object) => void;
    expect(() => decorate(undefined, { kind: 'field', name: 'x' })).toThrow('experimentalDecorators');
  });
});

describe('assertShape', () => {
  @ClusterEntity({ name: 'Shaped', partition: () => Owner })
  class Shaped {
    declare readonly [Shape]: { key: 'ownerId' | 'id'; indexed: 'size' | 'text'; counters: 'count' };
    @PartitionKey() ownerId!: string;
    @PrimaryKey() id!: string;
    @Unique() @Property() text!: string;
    @Index({ name: 'both', fields: ['size', 'text'] }) @Property() size!: number;
    @Counter() count!: number;
  }
  @ClusterEntity({ name: 'Misshaped', partition: () => Owner })
  class Misshaped extends Shaped {
    declare readonly [Shape]: { key: 'ownerId' | 'id'; indexed: 'size' | 'text'; counters: 'count' };
    @Index() @Property() more!: string;
    @Property() declare count: number;
  }

  it('accepts a shape that matches the decorators', () => {
    expect(() =>
      assertShape(Shaped, {
        key: { ownerId: true, id: true },
        indexed: { size: true, text: true },
        counters: { count: true },
      }),
    ).not.toThrow();
  });

  it('names missing and excess properties', () => {
    const compare = (): void =>
      assertShape(Misshaped, {
        key: { ownerId: true, id: true },
        indexed: { size: true, text: true },
        counters: { count: true },
      });
    expect(compare).toThrow("Misshaped.more is missing from 'indexed' of the Shape");
    expect(compare).toThrow("Misshaped.count is in 'counters' of the Shape, but has no such decorator");
  });
});

describe('the class that rows are loaded into', () => {
  class Part {
    constructor(readonly given: { x: number }) {
      this.x = given.x;
    }
    @Property() x: number;
  }

  it('must be constructible without arguments and writable', () => {
    @ClusterEntity({ name: 'Titled' })
    class Titled {
      @PrimaryKey() id!: string;
      @Property() title: string;
      @Embedded(() => Part) part?: Part;
      constructor(title: string) {
        this.title = title.trim();
      }
      @Property() get shout(): string {
        return this.title.toUpperCase();
      }
    }
    @ClusterEntity({ name: 'Shouting' })
    class Shouting {
      @PrimaryKey() id!: string;
      @Property() title!: string;
      @Property() get shout(): string {
        return this.title.toUpperCase();
      }
      @Property() get quiet(): string {
        return this.title.toLowerCase();
      }
      set quiet(quiet: string) {
        this.title = quiet;
      }
    }
    expect(faultsOf(Titled as EntityClass, Shouting)).toEqual([
      expect.stringMatching(/^Titled has a constructor that fails without arguments/),
      expect.stringMatching(/^Part has a constructor that fails without arguments/),
      expect.stringMatching(/^Shouting\.shout is a getter without a setter/),
    ]);
  });

  it('can have lists of an enum, and an enum with numeric names', () => {
    const Code = { ok: 'fine', 404: 'missing', 200: 'fine too' } as const;
    enum Big {
      Huge = 1e21,
      Low = -1,
      Text = 'text',
    }
    @ClusterEntity({ name: 'Coded' })
    class Coded {
      @PrimaryKey() id!: string;
      @Property({ enum: Code }) code?: string;
      @Property({ enum: Big }) big?: Big;
      @Property({ type: () => [String], enum: Code }) codes?: string[];
      @Property({ type: String, enum: Code }) named?: string;
    }
    expect(faultsOf(Coded)).toEqual([]);
    const registry = new SchemaRegistry();
    registry.register([Coded]);
    const codecs = new Map(
      registry.mapper(Coded).schema.fields.map(({ property, codec }) => [property, codec]),
    );
    expect(codecs.get('code')!.expects).toBe('one of "fine too", "missing", "fine"');
    expect(codecs.get('big')!.expects).toBe(`one of 1e+21, -1, "text"`);
    expect(codecs.get('codes')!.encode(['fine', 'missing'])).toBe('["fine","missing"]');
    expect(() => codecs.get('codes')!.encode(['other'])).toThrow();

    @ClusterEntity({ name: 'Twice' })
    class Twice {
      @PrimaryKey() id!: string;
      @Property({ type: Number, enum: Code }) code?: string;
      @Property({ type: () => [Number], enum: Code }) codes?: string[];
    }
    expect(faultsOf(Twice)).toEqual([
      expect.stringMatching(/^Twice\.code has an enum and a type that differs/),
      expect.stringMatching(/^Twice\.codes has an enum and a type that differs/),
    ]);
  });

  it('can be a child class that redeclares the indexes of a property', () => {
    @ClusterEntity({ name: 'Base', partition: () => Owner })
    class Base {
      @PartitionKey() ownerId!: string;
      @PrimaryKey() id!: string;
      @Index() @Property() state!: string;
      @Index() @Property() size!: number;
    }
    @ClusterEntity({ name: 'Derived', partition: () => Owner })
    class Derived extends Base {
      @Unique() @Property({ enum: ['a', 'b'] }) declare state: string;
      @Property(Number) declare size: number;
    }
    const registry = new SchemaRegistry();
    registry.register([Base, Derived]);
    const indexesOf = (type: EntityClass): string[] =>
      registry.mapper(type).schema.indexes.map(({ kind, name }) => `${kind} ${name}`);
    expect(indexesOf(Base)).toEqual(['index state', 'index size']);
    expect(indexesOf(Derived)).toEqual(['index size', 'unique state']);
  });
});

describe('a property with a ttl', () => {
  it('has a duration, and nothing that would outlive or replace its value', () => {
    @ClusterEntity({ name: 'Timed', partition: () => Owner })
    class Timed {
      @PartitionKey() ownerId!: string;
      @PrimaryKey() id!: string;
      @Property({ ttl: '15m' }) fine?: string;
      @Property({ ttl: '15 minutes' }) words?: string;
      @Property({ ttl: 0 }) none?: string;
      @Property({ ttl: 1, required: true }) needed!: string;
      @Property({ ttl: 1, default: 'x' }) usual?: string;
      @Property({ ttl: 1 }) first: string = 'x';
      @Property({ ttl: 1, renamedFrom: 'old' }) renamed?: string;
      @Property({ ttl: 1, convertFrom: { type: Number, convert: String } }) converted?: string;
      @Index() @Property({ ttl: 1 }) indexed?: string;
      @Unique() @Property({ ttl: 1 }) single?: string;
      @Index({ name: 'both', fields: ['id2', 'part'] }) @Property() id2?: string;
      @Property({ ttl: 1 }) part?: string;
      @Index({ scope: 'global' }) @Property({ ttl: 1 }) everywhere?: string;
    }
    const faults = faultsOf(Timed);
    expect(faults).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Timed\.words has the ttl "15 minutes": milliseconds, or/),
        expect.stringMatching(/^Timed\.none has the ttl 0/),
        expect.stringMatching(/^Timed\.needed has ttl and required/),
        expect.stringMatching(/^Timed\.usual has ttl and a default/),
        expect.stringMatching(/^Timed\.first has ttl and a default/),
        expect.stringMatching(/^Timed\.renamed has ttl and renamedFrom/),
        expect.stringMatching(/^Timed\.converted has ttl and convertFrom/),
        expect.stringMatching(/^Timed has the index 'indexed' over indexed, which has a ttl/),
        expect.stringMatching(/^Timed has the unique 'single' over single, which has a ttl/),
        expect.stringMatching(/^Timed has the index 'both' over part, which has a ttl/),
        expect.stringMatching(/^Timed has the index 'everywhere' over everywhere, which has a ttl/),
      ]),
    );
    expect(faults.filter((fault) => fault.includes('.fine'))).toEqual([]);
  });

  it('is a property of a row, not of an embedded value', () => {
    class Inner {
      @Property({ ttl: 1 }) code?: string;
    }
    @ClusterEntity({ name: 'Outer' })
    class Outer {
      @PrimaryKey() id!: string;
      @Embedded(() => Inner) inner?: Inner;
    }
    expect(faultsOf(Outer)).toEqual([
      expect.stringMatching(/^Inner\.code has ttl, which a property of an embedded/),
    ]);
  });
});
