import { keySlot } from 'keyslot';

/**
 * What a caller can do whose client has no pipeline over nodes: one for each slot.
 * @param execute gives the error of each key, or undefined
 */
export async function bySlot(
  keys: readonly string[],
  execute: (keys: readonly string[]) => Promise<readonly unknown[]>,
): Promise<unknown[]> {
  const groups = new Map<number, string[]>();
  for (const key of keys) {
    const slot = keySlot(key);
    groups.set(slot, [...(groups.get(slot) ?? []), key]);
  }
  const errors = new Map<string, unknown>();
  await Promise.all(
    [...groups.values()].map(async (group) => {
      const results = await execute(group).catch((error: unknown) => group.map(() => error));
      for (const [i, key] of group.entries()) errors.set(key, results[i]);
    }),
  );
  return keys.map((key) => errors.get(key));
}
