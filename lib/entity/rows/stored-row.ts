import type { Stored } from '../codec/codec.js';

// An own property only: `toString` and other members of Object are not fields.
export const fieldOf = (stored: Readonly<Record<string, Stored>>, name: string): Stored | undefined =>
  Object.hasOwn(stored, name) ? stored[name] : undefined;

export function isEmpty(stored: object): boolean {
  for (const name in stored) if (Object.hasOwn(stored, name)) return false;
  return true;
}

/** Copies bytes, because those of a reply share their memory with its other values. */
export const copyOf = (stored: Stored): Stored => (typeof stored === 'string' ? stored : Buffer.from(stored));
