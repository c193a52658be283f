import type { Stored } from '../codec/codec.js';

// Not `toString` and other members of Object, none of which is text or bytes; asking for own properties costs more.
export function fieldOf(stored: Readonly<Record<string, Stored>>, name: string): Stored | undefined {
  const value: unknown = stored[name];
  return typeof value === 'string' || value instanceof Uint8Array ? (value as Stored) : undefined;
}

export function isEmpty(stored: object): boolean {
  for (const name in stored) if (Object.hasOwn(stored, name)) return false;
  return true;
}

/** Copies bytes, because those of a reply share their memory with its other values. */
export const copyOf = (stored: Stored): Stored => (typeof stored === 'string' ? stored : Buffer.from(stored));

/** Returns a hash from the alternating fields and values of a script's answer. */
export function fieldsOf(pairs: readonly Buffer[]): Record<string, Stored> {
  const fields = Object.create(null) as Record<string, Stored>;
  for (let i = 0; i + 1 < pairs.length; i += 2) fields[pairs[i].toString()] = pairs[i + 1];
  return fields;
}
