/** Describes the kind of a value, for errors about options and arguments that may hold a secret. */
export function describeKind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value === '') return 'an empty string';
  return KINDS[typeof value] ?? `a ${typeof value}`;
}

const KINDS: Readonly<Record<string, string>> = { boolean: 'true or false', object: 'an object' };

/**
 * Describes a value, for errors: numbers, true and false are shown; of anything else only the kind, as text may
 * be secret.
 */
export function describeValue(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : describeKind(value);
}

/** Describes a wrong value of the right kind. */
export function describeOther(value: unknown): string {
  if (typeof value === 'string' && value !== '') return 'another string';
  return Array.isArray(value) && value.length > 0 ? 'another list' : describeKind(value);
}
