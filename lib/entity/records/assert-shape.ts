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

/** An object with exactly these names. */
type Each<Names extends string> = { readonly [Name in Names]: true };

type Part<Name extends string, Stating extends string> = [Stating] extends [never]
  ? unknown
  : { readonly [Of in Name]: Each<Stating> };

/** The names of a class's `Shape` as values. The compiler checks that none is missing. */
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

/** Optional parts of a Shape. If present, a part must be complete. */
const OPTIONAL: Record<string, NamesOf> = {
  partition: ({ partitionKey }) => [partitionKey?.property],
  global: ({ globals }) => namesIn(globals),
};

/**
 * Checks, in a test, that the `Shape` of a class agrees with its decorators. Only the compiler knows the `Shape`, so
 * you pass its names again as values, which the compiler compares with it.
 *
 * ```ts
 * assertShape(OrderItem, { key: { orderId: true, id: true }, counters: { reserved: true } });
 * ```
 *
 * @throws SchemaError with every name that only the decorators or only the `Shape` have.
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
      if (name && !named.has(name))
        faults.push(`${type.name}.${name} is missing from '${part}' of the Shape`);
    for (const name of named)
      if (!decorated.has(name))
        faults.push(`${type.name}.${name} is in '${part}' of the Shape, but has no such decorator`);
  }
  for (const name of Object.keys(parts.fixed ?? {}))
    if (name !== schema.version && isStored(schema, name))
      faults.push(`${type.name}.${name} is in 'fixed' of the Shape, but is stored`);
  if (faults.length > 0) throw new SchemaError(faults);
}

const isStored = (
  { fields, counters, primaryKey, partitionKey, expiresAt }: EntitySchema,
  name: string,
): boolean =>
  [...fields, ...counters, primaryKey].some(({ property }) => property === name) ||
  name === partitionKey?.property ||
  name === expiresAt;
