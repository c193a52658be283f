import * as keyslot from 'keyslot';
import {
  ClusterEntity,
  Counter,
  type EntityClass,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  Unique,
  Version,
} from 'keyslot';
import { DECORATOR_OPTIONS, type DecoratorName } from '../../lib/entity/decorators/decorator-options.js';
import { SchemaRegistry } from '../../lib/entity/rows/schema-registry.js';

function faultsOf(type: EntityClass): readonly string[] {
  try {
    new SchemaRegistry().register([type]);
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
  return [];
}

type Decorate = (options: unknown) => (target: object, property?: string, descriptor?: object) => void;

const exported: Readonly<Record<string, unknown>> = { ...keyslot };

/** What stands on a class, on a property, and on a method, of the decorators that the package exports. */
const decoratorNames = Object.keys(DECORATOR_OPTIONS) as DecoratorName[];

/** Decorators whose options follow a class. */
const CLASS_FIRST: ReadonlySet<DecoratorName> = new Set(['Embedded', 'HasMany', 'BelongsTo']);

function decorated(name: DecoratorName, options: unknown): EntityClass {
  class Example {
    id!: string;
    place?: unknown;
    run(): void {}
  }
  const decorate = exported[name] as Decorate;
  if (name === 'ClusterEntity') decorate(options)(Example);
  else ClusterEntity({ name: 'Example' })(Example);
  if (name === 'PrimaryKey') decorate(options)(Example.prototype, 'id');
  else PrimaryKey({ type: String })(Example.prototype, 'id' as never);
  const isHook = /^(Before|After)/.test(name);
  if (isHook) decorate(options)(Example.prototype, 'run');
  else if (CLASS_FIRST.has(name)) (decorate as Function)(() => Example, options)(Example.prototype, 'place');
  else if (name !== 'ClusterEntity' && name !== 'PrimaryKey') decorate(options)(Example.prototype, 'place');
  return Example;
}

it('every decorator of entity classes is in the table of their options', () => {
  const handlers =
    /Subscribe$|^KeyspaceEvent$|^Inject|^ClusterRepositoryOf$|^EntitySubscriber$|^OnChange$|^(Message|Pattern|Payload|Channel|Gaps?)$/;
  const all = Object.entries(exported).filter(([name, value]) => {
    const isClass = typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
    return typeof value === 'function' && /^[A-Z]/.test(name) && !isClass && !handlers.test(name);
  });
  expect(all.map(([name]) => name).toSorted()).toEqual(decoratorNames.toSorted());
});

describe.each(decoratorNames)('@%s()', (name) => {
  const known: readonly string[] = DECORATOR_OPTIONS[name];

  it('rejects an unknown option by name', () => {
    const faults = faultsOf(decorated(name, { strange: 1 }));
    expect(faults).toContainEqual(
      expect.stringMatching(new RegExp(`^Example.* has the unknown option strange of @${name}\\(\\)`)),
    );
  });

  it('takes undefined for each option as left out', () => {
    const all = Object.fromEntries(known.map((option) => [option, undefined]));
    const faults = faultsOf(
      decorated(name, { ...all, ...(name === 'ClusterEntity' && { name: 'Example' }) }),
    );
    expect(faults.filter((fault) => fault.includes('option'))).toEqual([]);
  });
});

it.each(decoratorNames.flatMap((name) => DECORATOR_OPTIONS[name].map((option) => [name, option] as const)))(
  '@%s() suggests %s for a misspelt option',
  (name, option) => {
    const misspelt = `${option}s`;
    expect(faultsOf(decorated(name, { [misspelt]: 1 }))).toContainEqual(
      expect.stringContaining(
        `unknown option ${misspelt} of @${name}() (did you mean ${option}?); known are`,
      ),
    );
  },
);

it('decorators reject options that are not an object, and say what to write', () => {
  @ClusterEntity({ name: 'Listed' })
  class Listed {
    @PrimaryKey('uuidv7' as never) id!: string;
    @Index('status' as never) @Property() status?: string;
    @Unique(['a', 'b'] as never) @Property() a?: string;
    @Property({ nullable: true } as never) b?: string;
    @Property(null as never) c?: string;
    @Counter('n' as never) n!: number;
    @Version() version!: number;
  }
  expect(faultsOf(Listed)).toEqual(
    expect.arrayContaining([
      "Listed.id has @PrimaryKey() with a string: its options must be an object, such as { generate: 'uuidv7' }",
      "Listed.status has @Index() with a string: its options must be an object, such as { name: '…', fields: ['…', '…'] }",
      "Listed.a has @Unique() with a list: its options must be an object, such as { name: '…', fields: ['…', '…'] }",
      'Listed.b has the unknown option nullable of @Property(); known are type, enum, transformer, default, required, ' +
        'maxLength, ttl, renamedFrom, keepFormer, convertFrom',
      'Listed.c has @Property() with null: its options must be an object',
      'Listed.n has @Counter() with a string: its options must be an object',
    ]),
  );
});

it('the options of changes are checked by name, and those of parents and embedded classes are, too', () => {
  class Base {
    @PartitionKey({ typ: String } as never) ownerId!: string;
  }
  class Address {
    @Property({ nulable: true } as never) street!: string;
  }
  @ClusterEntity({ name: 'Child', changes: { maxLength: 5, maxlen: 5 } as never })
  class Child extends Base {
    @PrimaryKey() id!: string;
    @keyslot.Embedded(() => Address) address?: Address;
  }
  expect(faultsOf(Child)).toEqual(
    expect.arrayContaining([
      'Child.ownerId has the unknown option typ of @PartitionKey() (did you mean type?); known are type',
      expect.stringContaining('Address.street has the unknown option nulable of @Property(); known are type'),
      'Child has the unknown option maxlen of changes (did you mean maxLength?); known are maxLength, values',
    ]),
  );
  expect(faultsOf(decorated('ClusterEntity', 'Example'))).toEqual(
    expect.arrayContaining([
      "Example has @ClusterEntity() with a string: its options must be an object, such as { name: 'Order' }",
    ]),
  );
});
