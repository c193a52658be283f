/**
 * A property of an object that a caller gave: its own, or an accessor of its class. What a plain object inherits
 * (`toString`) is none.
 */
export function givenValue(given: object, property: string): unknown {
  return Object.hasOwn(given, property) || hasAccessor(given, property)
    ? Reflect.get(given, property)
    : undefined;
}

/** An object with the own properties of another, and with those of its accessors that are named. */
export function plainCopy(given: object, names: Iterable<string>): Record<string, unknown> {
  const copy: Record<string, unknown> = { ...given };
  for (const name of names) if (hasAccessor(given, name)) copy[name] = Reflect.get(given, name);
  return copy;
}

function hasAccessor(given: object, property: string): boolean {
  for (
    let level = Object.getPrototypeOf(given) as object | null;
    isOfClass(level);
    level = Object.getPrototypeOf(level)
  )
    if (Object.getOwnPropertyDescriptor(level, property)?.get) return true;
  return false;
}

/** Whether it is the prototype of a class, and not that of all objects, of whichever realm. */
const isOfClass = (level: object | null): level is object =>
  level !== null && Object.getPrototypeOf(level) !== null;
