/** What kind of value came, for errors about options and arguments that may hold a secret. */
export function describeKind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value === '') return 'an empty string';
  return KINDS[typeof value] ?? `a ${typeof value}`;
}

const KINDS: Readonly<Record<string, string>> = { boolean: 'true or false', object: 'an object' };

/**
 * What came, for errors: numbers, true and false as they are, and of all else only the kind, as texts may be secrets.
 */
export function describeValue(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : describeKind(value);
}

/** What came, where its kind would have been right. */
export function describeOther(value: unknown): string {
  if (typeof value === 'string' && value !== '') return 'another string';
  return Array.isArray(value) && value.length > 0 ? 'another list' : describeKind(value);
}
