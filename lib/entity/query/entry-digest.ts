import { createHash } from 'node:crypto';

/** Returns the digest of entries that a script compares. The length of each entry separates it from the next. */
export function digestOf(entries: readonly string[]): string {
  const hash = createHash('sha1');
  for (const entry of entries) hash.update(`${Buffer.byteLength(entry)}:${entry}`);
  return hash.digest('hex');
}
