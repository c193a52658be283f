/** The bytes that a list, a map or a Buffer takes beside its content, and an item of it. */
const AGGREGATE_BYTES = 64;
const ITEM_BYTES = 16;

/**
 * Returns a reply that the caller may change: the lists, maps and Buffers in it are copies. Text and numbers cannot be
 * changed, and are shared.
 */
export function copyOfReply(reply: unknown): unknown {
  if (typeof reply !== 'object' || reply === null) return reply;
  if (Buffer.isBuffer(reply)) return Buffer.from(reply);
  if (Array.isArray(reply)) {
    const copy = reply.slice() as unknown[];
    for (let i = 0; i < copy.length; i++) if (typeof copy[i] === 'object') copy[i] = copyOfReply(copy[i]);
    return copy;
  }
  // a spread defines fields, `__proto__` too, rather than assigns them
  const copy = { ...reply } as Record<string, unknown>;
  for (const field of Object.keys(copy)) {
    if (typeof copy[field] !== 'object' || copy[field] === null) continue;
    Object.defineProperty(copy, field, {
      value: copyOfReply(copy[field]),
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return copy;
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
