import type { CollectionKind } from './collection-kind.js';
import type { DecoratorName } from './decorator-options.js';
import { type TypedPropertyDecorator, roleDecorator } from './decorators.js';
import type { PropertyOptions, PropertyType } from './property-type.js';

/**
 * The type of a collection's elements, as for `@Property`: a type, a function that returns one, or
 * `{ type, enum, transformer }`.
 */
export type ElementType = NonNullable<PropertyType> | PropertyOptions;

const COLLECTION_DECORATORS = {
  set: 'SetOf',
  list: 'ListOf',
  'sorted set': 'SortedSetOf',
  hash: 'HashOf',
  stream: 'StreamOf',
} as const satisfies Record<CollectionKind, DecoratorName>;

type CollectionDecorator<Kind extends CollectionKind> = TypedPropertyDecorator<{ readonly kind: Kind }>;

/**
 * Declares a set with its own key in the row's slot. The property is a `ClusterSet`. Elements are equal if their stored
 * values are equal.
 */
export const SetOf = (elements: ElementType): CollectionDecorator<'set'> => collection('set', elements);

/** Declares a list with its own key in the row's slot. The property is a `ClusterList`. */
export const ListOf = (elements: ElementType): CollectionDecorator<'list'> => collection('list', elements);

/** Declares a sorted set with its own key in the row's slot. The property is a `ClusterSortedSet`. */
export const SortedSetOf = (elements: ElementType): CollectionDecorator<'sorted set'> =>
  collection('sorted set', elements);

/** Declares a map of names to values with its own key in the row's slot. The property is a `ClusterHash`. */
export const HashOf = (values: ElementType): CollectionDecorator<'hash'> => collection('hash', values);

/** Declares a stream with its own key in the row's slot. The property is a `ClusterStream`. */
export const StreamOf = (elements: ElementType): CollectionDecorator<'stream'> =>
  collection('stream', elements);

function collection<Kind extends CollectionKind>(
  kind: Kind,
  given: ElementType | undefined,
): CollectionDecorator<Kind> {
  const isOptions = typeof given === 'object' && !Array.isArray(given);
  const options = isOptions ? (given as PropertyOptions) : { type: given as PropertyType };
  return roleDecorator(COLLECTION_DECORATORS[kind], kind, options);
}
