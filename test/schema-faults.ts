import { type EntityClass, SchemaError } from 'keyslot';
import { SchemaRegistry } from '../lib/entity/rows/schema-registry.js';

/** The faults of which a registry complains when these classes are registered; none if they are accepted. */
export function faultsOf(...types: (EntityClass | undefined)[]): readonly string[] {
  try {
    new SchemaRegistry().register(types);
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
  return [];
}
