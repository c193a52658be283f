import { ProtocolError } from '../../cluster/common/errors.js';

/** Reads the reply of SCAN, HSCAN, SSCAN or ZSCAN: the next cursor and what was found. @throws ProtocolError */
export function readScanPage<T extends string | Buffer>(reply: unknown): readonly [next: T, items: T[]] {
  const [next, items] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (isText(next) && Array.isArray(items) && items.every(isText)) return [next as T, items as T[]];
  throw new ProtocolError('The reply of a scan command is not a cursor and a list');
}

function isText(value: unknown): value is string | Buffer {
  return typeof value === 'string' || Buffer.isBuffer(value);
}
