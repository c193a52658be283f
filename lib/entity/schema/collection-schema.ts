import type { Codec } from '../codec/codec.js';
import { type PropertyMetadata, type PropertyRole } from '../decorators/metadata.js';
import { COLLECTION_KINDS, CollectionKind } from '../decorators/collection-kind.js';

/** A property whose elements are stored in a Redis key of their own, in the row's slot. */
export interface CollectionSchema {
  readonly property: string;
  readonly kind: CollectionKind;
  /** The codec of the elements; for a hash, of the values. */
  readonly codec: Codec;
}

/** Builds the collections of a class, and reports faults to `fault`. */
export function buildCollections(
  properties: readonly PropertyMetadata[],
  codecOf: (metadata: PropertyMetadata) => Codec | undefined,
  fault: (what: string) => void,
): CollectionSchema[] {
  return properties.flatMap((metadata) => {
    const { property, role, options, emittedType } = metadata;
    if (!isCollection(role)) return [];
    const { decorator, handle } = COLLECTION_KINDS[role];
    if (!NAME.test(property))
      fault(
        `.${property} is a ${role}, and its name is part of a key: letters, digits, _ - and . are allowed`,
      );
    // If the handle's class is a type-only import, TypeScript emits Object or Function. The compiler has checked it.
    const isKnown = typeof emittedType === 'function' && emittedType !== Object && emittedType !== Function;
    const emitted = isKnown ? emittedType.name : handle;
    if (emitted !== handle) fault(`.${property} is a ${role}, and its type is not ${handle}`);
    if (!ELEMENT_OPTIONS.some((name) => name in options)) {
      fault(`.${property} is a ${role} without a type of elements: name it, as in ${decorator}(String)`);
      return [];
    }
    const codec = codecOf(metadata);
    return codec ? [{ property, kind: role, codec }] : [];
  });
}

/** Whether properties of a role are collections. */
export const isCollection = (role: PropertyRole): role is CollectionKind =>
  Object.hasOwn(COLLECTION_KINDS, role);

const NAME = /^[\w.-]+$/;
const ELEMENT_OPTIONS = ['type', 'enum', 'transformer'];
