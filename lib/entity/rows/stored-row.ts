import type { Stored } from '../codec/codec.js';

// Not what `toString` and the like inherit from Object.
export const fieldOf = (stored: Readonly<Record<string, Stored>>, name: string): Stored | undefined =>
  Object.hasOwn(stored, name) ? stored[name] : undefined;

export function isEmpty(stored: object): boolean {
  for (const name in stored) if (Object.hasOwn(stored, name)) return false;
  return true;
}

/** Bytes of a reply share their memory with its other values. */
export const copyOf = (stored: Stored): Stored => (typeof stored === 'string' ? stored : Buffer.from(stored));
