/**
 * Returns a property of a caller's object: an own property, or an accessor of its class. Members that a plain object
 * inherits, such as `toString`, do not count.
 */
export function givenValue(given: object, property: string): unknown {
  return Object.hasOwn(given, property) || hasAccessor(given, property)
    ? Reflect.get(given, property)
    : undefined;
}

/** Whether an object is of no class: a literal, or what a parser gives. */
export function isPlain(given: object): boolean {
  const prototype = Object.getPrototypeOf(given) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Returns a copy of an object's own properties and of the named accessors. */
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

/** Returns whether a prototype belongs to a class, rather than to all objects of some realm. */
const isOfClass = (level: object | null): level is object =>
  level !== null && Object.getPrototypeOf(level) !== null;
