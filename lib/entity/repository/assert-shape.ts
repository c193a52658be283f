import { SchemaError } from '../common/entity-errors.js';
import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import { SchemaRegistry } from '../rows/schema-registry.js';
import type {
  CounterNames,
  EntityClass,
  FixedNames,
  GlobalNames,
  IndexedNames,
  KeyNames,
  PartitionNames,
} from '../decorators/shape.js';

/** An object with each of the names, and no other. */
type Each<Names extends string> = { readonly [Name in Names]: true };

type Part<Name extends string, Stating extends string> = [Stating] extends [never]
  ? unknown
  : { readonly [Of in Name]: Each<Stating> };

/** Every name that a class's `Shape` states, once more as values; the compiler sees to it that none is missing. */
export type ShapeNames<E> = { readonly key: Each<KeyNames<E>> } & Part<'partition', PartitionNames<E>> &
  Part<'indexed', IndexedNames<E>> &
  Part<'global', GlobalNames<E>> &
  Part<'counters', CounterNames<E>> &
  Part<'fixed', FixedNames<E>>;

type Stated = Readonly<Record<string, object | undefined>>;
type NamesOf = (schema: EntitySchema) => (string | undefined)[];

const namesIn = (indexes: readonly IndexSchema[]): string[] =>
  indexes.flatMap(({ fields }) => fields.map(({ property }) => property));

const DECORATED: Record<string, NamesOf> = {
  key: ({ primaryKey, partitionKey }) => [primaryKey.property, partitionKey?.property],
  indexed: ({ indexes, globals }) => namesIn([...indexes, ...globals]),
  counters: ({ counters }) => counters.map(({ property }) => property),
};

/** Parts that a Shape may do without; one that it has is whole. */
const OPTIONAL: Record<string, NamesOf> = {
  partition: ({ partitionKey }) => [partitionKey?.property],
  global: ({ globals }) => namesIn(globals),
};

/**
 * For a test: does what a class states in `Shape` agree with its decorators? The `Shape` is known to the compiler
 * alone, so its names are given again as values, which the compiler compares with it.
 *
 * ```ts
 * assertShape(OrderItem, { key: { orderId: true, id: true }, counters: { reserved: true } });
 * ```
 *
 * @throws SchemaError with every name that only one of them has.
 */
export function assertShape<E extends object>(type: EntityClass<E>, stated: ShapeNames<E>): void {
  const { schema } = new SchemaRegistry().mapper(type);
  const faults: string[] = [];
  const parts = stated as Stated;
  const given = Object.entries(OPTIONAL).filter(([part]) => parts[part]);
  for (const [part, decoratedNames] of [...Object.entries(DECORATED), ...given]) {
    const decorated = new Set(decoratedNames(schema));
    const named = new Set(Object.keys(parts[part] ?? {}));
    for (const name of decorated)
      if (name && !named.has(name)) faults.push(`${type.name}.${name} is missing in the Shape's '${part}'`);
    for (const name of named)
      if (!decorated.has(name))
        faults.push(`${type.name}.${name} is in the Shape's '${part}' and not decorated so`);
  }
  for (const name of Object.keys(parts.fixed ?? {}))
    if (name !== schema.version && isStored(schema, name))
      faults.push(`${type.name}.${name} is in the Shape's 'fixed', and is stored`);
  if (faults.length > 0) throw new SchemaError(faults);
}

const isStored = (
  { fields, counters, primaryKey, partitionKey, expiresAt }: EntitySchema,
  name: string,
): boolean =>
  [...fields, ...counters, primaryKey].some(({ property }) => property === name) ||
  name === partitionKey?.property ||
  name === expiresAt;
