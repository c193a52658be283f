const MARK = Symbol.for('keyslot.made');

/**
 * The objects that any copy of the package in this process has created. Copies have different classes, so
 * `instanceof` does not work between them.
 */
const made: WeakSet<object> = ((globalThis as Record<symbol, unknown>)[MARK] ??=
  new WeakSet()) as WeakSet<object>;

/** Records an object that callers may pass back to the package: a client, a script, a decorated class. */
export function markMade(object: object): void {
  made.add(object);
}

/**
 * Returns why an object of another copy of the package is rejected.
 * @param otherwise the reason if no copy has created it
 */
export function notOurs(value: unknown, otherwise: string): string {
  if (!made.has(Object(value) as object)) return otherwise;
  return (
    'It comes from another copy of keyslot: this process has loaded the package twice, by import and by require or in ' +
    'two versions. Load it once; see "Two copies of the package" on the getting-started page.'
  );
}
