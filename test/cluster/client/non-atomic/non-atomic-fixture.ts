import { keySlot } from 'keyslot';

let serial = 0;

/** Fresh keys by the names that a test has for them: each in a slot of its own, or all in one. */
export function freshKeys(
  keyspace: string,
  names: readonly string[],
  { together = false, keyPrefix = '' }: { together?: boolean; keyPrefix?: string } = {},
): Map<string, string> {
  const run = `${keyspace}${serial++}`;
  const keys = new Map<string, string>();
  const slots = new Set<number>();
  for (const name of names) {
    let key = `${name}:${run}`;
    while (slots.has(keySlot(keyPrefix + key))) key += '+';
    slots.add(keySlot(keyPrefix + key));
    keys.set(name, together ? `${name}{${run}}` : key);
  }
  return keys;
}

/** Fresh keys, each in a slot of its own. */
export function spreadKeys(keyspace: string, count: number): string[] {
  const names = Array.from({ length: count }, (_, i) => `key${i}`);
  return [...freshKeys(keyspace, names).values()];
}
