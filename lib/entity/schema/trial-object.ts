import { COLLECTION_KINDS } from '../decorators/collection-kind.js';
import type { PropertyMetadata } from '../decorators/metadata.js';

type Constructor = new (...args: never[]) => object;

/**
 * Creates an object of a class the way reading a row does. It reports to `fault` what would prevent reading, so that
 * the fault is found before a row is written.
 */
export function trialObject(
  type: Constructor,
  properties: readonly PropertyMetadata[],
  fault: (what: string) => void,
): object {
  let trial: object;
  try {
    trial = Reflect.construct(type, []);
  } catch (error) {
    fault(
      'has a constructor that fails without arguments, but Keyslot creates objects without arguments when it reads rows: ' +
        `make them optional (${(error as Error)?.message})`,
    );
    return {};
  }
  for (const { property, role } of properties)
    if (!Object.hasOwn(COLLECTION_KINDS, role) && isGetterOnly(trial, property))
      fault(
        `.${property} is a getter without a setter, so a stored value could not be assigned to it: add a setter, or ` +
          'remove the decorator',
      );
  return trial;
}

function isGetterOnly(trial: object, property: string): boolean {
  for (
    let level: object | null = trial;
    level !== null;
    level = Object.getPrototypeOf(level) as object | null
  ) {
    const descriptor = Object.getOwnPropertyDescriptor(level, property);
    if (descriptor) return descriptor.get !== undefined && descriptor.set === undefined;
  }
  return false;
}

/** Returns whether an empty object of a class has a value for a property. */
export function hasDefault(trial: object, property: string): boolean {
  try {
    return (Reflect.get(trial, property) ?? null) !== null;
  } catch {
    return false; // an accessor that depends on values that are not set yet
  }
}
