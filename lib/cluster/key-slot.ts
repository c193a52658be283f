/** How many slots the keys of a cluster are spread over. */
export const SLOT_COUNT = 16384;

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** CRC16-XMODEM (polynomial 0x1021, start 0), one step a byte. */
const CRC16_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/**
 * The slot of a key, 0 to 16383: CRC16 of its hash tag if it has one, else of all of it, modulo 16384.
 * The hash tag is what stands between the first `{` and the first `}` after it, unless that is nothing.
 * Hashes the bytes that are sent: the UTF-8 of a string (a lone surrogate is U+FFFD there), a Buffer as it is.
 *
 * @see {@link https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags | Redis Cluster specification, hash tags}
 */
export function keySlot(key: string | Buffer | number): number {
  if (typeof key === 'string') return slotOfText(key);
  return typeof key === 'number' ? slotOfText(String(key)) : slotOfBytes(key);
}

// Braces are looked for as text: in UTF-8 no other character contains their bytes.
function slotOfText(key: string): number {
  const opening = key.indexOf('{');
  if (opening !== -1) {
    const closing = key.indexOf('}', opening + 1);
    if (closing > opening + 1) return crcOfText(key, opening + 1, closing) % SLOT_COUNT;
  }
  return crcOfText(key, 0, key.length) % SLOT_COUNT;
}

function slotOfBytes(key: Buffer): number {
  const opening = key.indexOf(OPENING_BRACE);
  if (opening !== -1) {
    const closing = key.indexOf(CLOSING_BRACE, opening + 1);
    if (closing > opening + 1) return crcOfBytes(key, opening + 1, closing) % SLOT_COUNT;
  }
  return crcOfBytes(key, 0, key.length) % SLOT_COUNT;
}

function crcOfBytes(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let at = start; at < end; at++) crc = step(crc, bytes[at]);
  return crc;
}

/** CRC of the UTF-8 of `text`, without making the bytes. */
function crcOfText(text: string, start: number, end: number): number {
  let crc = 0;
  for (let at = start; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 0x7f) return crcOfWideText(crc, text, at, end);
    crc = step(crc, unit);
  }
  return crc;
}

function crcOfWideText(crc: number, text: string, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    let point = text.charCodeAt(at);
    if (point < 0x80) {
      crc = step(crc, point);
      continue;
    }
    if (point < 0x800) {
      crc = step(step(crc, 0xc0 | (point >> 6)), 0x80 | (point & 0x3f));
      continue;
    }
    if (point >= 0xd800 && point <= 0xdfff) {
      const low = at + 1 < end ? text.charCodeAt(at + 1) : 0;
      if (point <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
        at++;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        crc = step(step(crc, 0xf0 | (point >> 18)), 0x80 | ((point >> 12) & 0x3f));
        crc = step(step(crc, 0x80 | ((point >> 6) & 0x3f)), 0x80 | (point & 0x3f));
        continue;
      }
      point = 0xfffd; // a surrogate without its other half has no UTF-8 of its own
    }
    crc = step(step(crc, 0xe0 | (point >> 12)), 0x80 | ((point >> 6) & 0x3f));
    crc = step(crc, 0x80 | (point & 0x3f));
  }
  return crc;
}

function step(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ CRC16_TABLE[(crc >> 8) ^ byte];
}
