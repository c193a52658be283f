import { SchemaError } from './entity-errors.js';
import type { EntitySchema } from './entity-schema.js';
import { SchemaRegistry } from './schema-registry.js';
import type { CounterNames, EntityClass, IndexedNames, KeyNames } from './shape.js';

/** An object with each of the names, and no other. */
type Each<Names extends string> = { readonly [Name in Names]: true };

/** Every name that a class's `Shape` states, once more as values; the compiler sees to it that none is missing. */
export type ShapeNames<E> = {
  readonly key: Each<KeyNames<E>>;
} & ([IndexedNames<E>] extends [never] ? unknown : { readonly indexed: Each<IndexedNames<E>> }) &
  ([CounterNames<E>] extends [never] ? unknown : { readonly counters: Each<CounterNames<E>> });

const DECORATED: Record<string, (schema: EntitySchema) => (string | undefined)[]> = {
  key: ({ primaryKey, partitionKey }) => [primaryKey.property, partitionKey?.property],
  indexed: ({ indexes, globals }) =>
    [...indexes, ...globals].flatMap(({ fields }) => fields.map(({ property }) => property)),
  counters: ({ counters }) => counters.map(({ property }) => property),
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
  for (const [part, decoratedNames] of Object.entries(DECORATED)) {
    const decorated = new Set(decoratedNames(schema));
    const named = new Set(Object.keys((stated as Record<string, object | undefined>)[part] ?? {}));
    for (const name of decorated)
      if (name && !named.has(name)) faults.push(`${type.name}.${name} is missing in the Shape's '${part}'`);
    for (const name of named)
      if (!decorated.has(name))
        faults.push(`${type.name}.${name} is in the Shape's '${part}' and not decorated so`);
  }
  if (faults.length > 0) throw new SchemaError(faults);
}
