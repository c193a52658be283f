/** The bytes that a list, a map or a Buffer takes beside its content, and an item of it. */
const AGGREGATE_BYTES = 64;
const ITEM_BYTES = 16;

/**
 * How a reply is copied: not at all, as it cannot be changed; as a list, or an object, of such values; or with all that
 * is in it.
 */
const [CONSTANT, FLAT_LIST, FLAT_OBJECT, NESTED] = [0, 1, 2, 3];

/** Returns how a reply is to be copied, for `copyOfKind`. */
export function kindOfReply(reply: unknown): number {
  if (typeof reply !== 'object' || reply === null) return CONSTANT;
  if (Buffer.isBuffer(reply)) return NESTED;
  const isNested = Object.values(reply).some((value) => typeof value === 'object' && value !== null);
  if (isNested) return NESTED;
  return Array.isArray(reply) ? FLAT_LIST : FLAT_OBJECT;
}

/**
 * Returns a reply that the caller may change: the lists, maps and Buffers in it are copies. Text and numbers cannot be
 * changed, and are shared.
 */
export function copyOfReply(reply: unknown): unknown {
  return copyOfKind(reply, kindOfReply(reply));
}

/** Does the same for a reply of which is known how to copy it. */
export function copyOfKind(reply: unknown, kind: number): unknown {
  if (kind === CONSTANT) return reply;
  if (kind === FLAT_LIST) return (reply as unknown[]).slice();
  // a spread defines fields, `__proto__` too, rather than assigns them
  if (kind === FLAT_OBJECT) return { ...(reply as object) };
  if (Buffer.isBuffer(reply)) return Buffer.from(reply);
  if (Array.isArray(reply)) return reply.map(copyOfReply);
  const copies = Object.entries(reply as object).map(([field, value]) => [field, copyOfReply(value)]);
  return Object.fromEntries(copies);
}

/** Returns the bytes that a reply takes in memory, about. */
export function bytesOfReply(reply: unknown): number {
  if (typeof reply === 'string') return bytesOfText(reply);
  if (typeof reply !== 'object' || reply === null) return ITEM_BYTES;
  if (Buffer.isBuffer(reply)) return AGGREGATE_BYTES + reply.length;
  let bytes = AGGREGATE_BYTES;
  if (Array.isArray(reply)) for (const item of reply) bytes += ITEM_BYTES + bytesOfReply(item);
  else {
    for (const [field, value] of Object.entries(reply))
      bytes += ITEM_BYTES + bytesOfText(field) + bytesOfReply(value);
  }
  return bytes;
}

/** A string takes a byte for each character, or two if one of them is beyond Latin-1. */
export function bytesOfText(text: string): number {
  // oxlint-disable-next-line no-control-regex
  return /[^\u0000-\u00ff]/.test(text) ? 2 * text.length : text.length;
}

/** Whether a reply says that there is nothing at the key. */
export function saysNothing(reply: unknown): boolean {
  if (reply === null || reply === 0 || reply === '0' || reply === '' || reply === false) return true;
  if (Buffer.isBuffer(reply)) return reply.length === 0 || reply.equals(Buffer.from('none'));
  if (Array.isArray(reply)) return reply.every(saysNothing);
  if (typeof reply === 'object') return Object.keys(reply as object).length === 0;
  return reply === 'none' || reply === -1;
}
