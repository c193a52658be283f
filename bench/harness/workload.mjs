/** Every key of the benchmark begins so, and is deleted at its end. */
const PREFIX = 'keyslot-bench';
/** Few enough that clients and servers hold all of them. */
const SMALL_KEYS = 8_192;
const LARGE_KEYS = 1_024;
const TAGGED_KEYS = 512;
const LOADED_AT_ONCE = 256;

/**
 * Keys with the value that they all have.
 * @typedef {{ keys: string[], value: string }} Values
 */

/** @type {Record<'small' | 'large' | 'oneNode', Values>} */
export const workload = {
  small: { keys: names(SMALL_KEYS, (i) => `${PREFIX}:${i}`), value: flat('x'.repeat(100)) },
  large: { keys: names(LARGE_KEYS, (i) => `${PREFIX}:large:${i}`), value: flat('x'.repeat(10_000)) },
  /** All in one slot, and so on one node, with the list that nobody pushes to. */
  oneNode: { keys: names(TAGGED_KEYS, (i) => `{${PREFIX}}:${i}`), value: flat('x'.repeat(100)) },
};

export const emptyList = `{${PREFIX}}:list`;

/** Writes all keys. */
export function load(client) {
  return forAll((key, value) => client.set(key, value));
}

/** Deletes all keys. */
export function unload(client) {
  return forAll((key) => client.unlink(key));
}

async function forAll(act) {
  for (const { keys, value } of Object.values(workload)) {
    for (let start = 0; start < keys.length; start += LOADED_AT_ONCE) {
      await Promise.all(keys.slice(start, start + LOADED_AT_ONCE).map((key) => act(key, value)));
    }
  }
}

function names(count, name) {
  return Array.from({ length: count }, (_, i) => flat(name(i)));
}

/** The same text in one piece: V8 keeps what was joined or repeated as a tree of its parts, which costs its readers. */
function flat(text) {
  return Buffer.from(text).toString('latin1');
}
