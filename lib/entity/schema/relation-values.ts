import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { RelationNotLoadedError } from '../common/entity-errors.js';
import type { EntitySchema } from './entity-schema.js';

/**
 * Makes the relations of an entity fail when they are read, until they are loaded. They are not enumerable, so copying,
 * comparing and printing skip them.
 */
export function guardRelations({ name, relations }: EntitySchema, entity: object): void {
  for (const { property } of relations) {
    if (Object.getOwnPropertyDescriptor(entity, property)?.get) continue; // it may be loaded
    const get = (): never => {
      throw new RelationNotLoadedError(name, property);
    };
    Object.defineProperty(entity, property, {
      get,
      set: refuse(name, property),
      enumerable: false, // explicit, as a class field may have defined the property already
      configurable: true,
    });
  }
}

/** Shows the related rows of a relation in an entity. */
export function showRelated(
  { name }: EntitySchema,
  entity: object,
  property: string,
  related: object | null,
): void {
  Object.defineProperty(entity, property, {
    get: () => related,
    set: refuse(name, property),
    enumerable: true,
    configurable: true,
  });
}

/** @throws InvalidArgumentError if an object that is to be written has a value of its own in a relation. */
export function checkRelations({ name, relations }: EntitySchema, given: object): void {
  for (const { property } of relations) {
    const own = Object.getOwnPropertyDescriptor(given, property);
    if (own && !own.get && (own.value ?? null) !== null) throw notAssignable(name, property);
  }
}

const refuse = (name: string, property: string) => (): never => {
  throw notAssignable(name, property);
};

const notAssignable = (name: string, property: string): InvalidArgumentError =>
  new InvalidArgumentError(
    property,
    `${name}.${property} is a relation, which is read and never written: leave it out, and save the related rows ` +
      'themselves',
  );
