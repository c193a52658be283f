const MARK = Symbol.for('keyslot.made');

/**
 * What any copy of the package in this process has made. Copies have classes of their own, so `instanceof` fails
 * there.
 */
const made: WeakSet<object> = ((globalThis as Record<symbol, unknown>)[MARK] ??=
  new WeakSet()) as WeakSet<object>;

/** Remembers something that callers give back to the package: a client, a script, a decorated class. */
export function markMade(object: object): void {
  made.add(object);
}

/**
 * Why something is not taken that is not of this copy of the package.
 * @param otherwise the reason where no other copy has made it either
 */
export function notOurs(value: unknown, otherwise: string): string {
  if (!made.has(Object(value) as object)) return otherwise;
  return (
    'It comes from another copy of keyslot: this process has loaded the package twice, by import and by require or in ' +
    'two versions. Load it once: see "Two copies of the package" in the getting-started page'
  );
}
