import {
  ClusterEntity,
  ClusterList,
  ClusterSet,
  type EntityClass,
  Index,
  ListOf,
  PrimaryKey,
  Property,
  SchemaError,
  SetOf,
  SortedSetOf,
} from 'keyslot';
import { SchemaRegistry } from '../../lib/entity/rows/schema-registry.js';

function faultsOf(...types: EntityClass[]): readonly string[] {
  try {
    new SchemaRegistry().register(types);
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
  return [];
}

// As a program without these types would call them.
const anySet = SetOf as (elements?: unknown) => (target: object, property: string) => void;
const anyList = ListOf as (elements?: unknown) => (target: object, property: string) => void;

describe('the collections of a class', () => {
  it('report all their faults at once, with class and property', () => {
    class Plain {
      text = '';
    }
    class Inner {
      @Property() text!: string;
      @SetOf(String) tags!: ClusterSet<string>;
    }
    @ClusterEntity({ name: 'Wrong' })
    class Wrong {
      @anySet(String) @PrimaryKey() id!: string;
      @anySet() bare!: ClusterSet<string>;
      @anyList({}) empty!: ClusterList<string>;
      @SetOf(() => Map) map!: ClusterSet<unknown>;
      @SetOf(Plain) plain!: ClusterSet<Plain>;
      @SetOf({ enum: [] }) none!: ClusterSet<string>;
      @anySet(String) other!: ClusterList<string>;
      @anySet(String) text!: string;
      @SetOf(String) 'a:b'!: ClusterSet<string>;
      @SetOf(String) '~x'!: ClusterSet<string>;
      @Property(String) @SetOf(String) twice!: ClusterSet<string>;
      @SetOf(String) @anyList(String) both!: ClusterSet<string>;
      @Index() @SetOf(String) indexed!: ClusterSet<string>;
      @SetOf(Inner) inner!: ClusterSet<Inner>;
    }
    const faults = [
      "Wrong has the index 'indexed', but each of its rows is its own partition, which needs no index; { scope: 'global' } covers all partitions",
      'Wrong.a:b is a set, and its name is part of a key: letters, digits, _ - and . are allowed',
      'Wrong.bare names a type that is undefined: probably a circular import; name it as () => Class',
      'Wrong.both is a list, and its type is not ClusterList',
      'Wrong.both is decorated twice, as list and as set',
      'Wrong.empty is a list without a type of elements: name it, as in @ListOf(String)',
      'Wrong.id is a set, and its type is not ClusterSet',
      'Wrong.id is decorated twice, as primary key and as set',
      "Wrong.indexed is in the index 'indexed', but has no @Property() decorator",
      'Wrong.map names a type that is neither supported nor a class with @Property decorators',
      'Inner.tags is a set, which an embedded value cannot have',
      'Wrong.none has an enum without values',
      'Wrong.other is a set, and its type is not ClusterSet',
      'Wrong.plain names a type that is neither supported nor a class with @Property decorators',
      'Wrong.text is a set, and its type is not ClusterSet',
      'Wrong.twice is decorated twice, as set and as property',
      'Wrong.~x has a name that no stored property can have',
      'Wrong.~x is a set, and its name is part of a key: letters, digits, _ - and . are allowed',
    ];
    expect(faultsOf(Wrong).toSorted()).toEqual(faults.toSorted());
  });

  it('are inherited, as redeclared by child classes', () => {
    @ClusterEntity({ name: 'Parent' })
    class Parent {
      @PrimaryKey() id!: string;
      @SetOf(String) tags!: ClusterSet<string>;
      @SetOf(String) others!: ClusterSet<string>;
    }
    @ClusterEntity({ name: 'Child' })
    class Child extends Parent {
      @SetOf(Number) declare others: ClusterSet<never>;
      @SortedSetOf(String) ranks!: never;
    }
    const { collections } = new SchemaRegistry().mapper(Child).schema;
    expect(collections.map(({ property, kind, codec }) => [property, kind, codec.expects])).toEqual([
      ['tags', 'set', 'a string'],
      ['others', 'set', 'a finite number'],
      ['ranks', 'sorted set', 'a string'],
    ]);
  });
});

it.each([Object, Function])(
  'the class of a handle can be imported as a type, for which %p is emitted',
  (emitted) => {
    @ClusterEntity({ name: 'Typed' })
    class Typed {
      @PrimaryKey() id!: string;
      @SetOf(String) @Reflect.metadata('design:type', emitted) tags!: ClusterSet<string>;
    }
    expect(faultsOf(Typed)).toEqual([]);
  },
);
