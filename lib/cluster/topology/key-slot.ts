import { InvalidArgumentError } from '../common/errors.js';
import { describeKind, describeValue } from '../common/describe-value.js';

/** The number of slots of a cluster. */
export const SLOT_COUNT = 16384;

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** CRC16-XMODEM (polynomial 0x1021, start 0), one step a byte. */
const CRC16_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/** What a byte adds to the CRC if another byte follows it, so that two bytes take one step. */
const CRC16_FIRST = CRC16_TABLE.map((crc) => ((crc << 8) & 0xffff) ^ CRC16_TABLE[crc >> 8]);

/** Holds the bytes of the key being hashed: reading bytes costs a third of reading the characters of a string. */
const scratch = new Uint8Array(1024);
/** Strings up to this length fit into it, whatever their characters. */
const MAXIMUM_SCRATCH_LENGTH = Math.floor(scratch.length / 3);
const encoder = new TextEncoder();

/**
 * Returns the slot of a key, 0 to 16383: the CRC16 of its hash tag if it has one, else of the whole key, modulo
 * 16384. The hash tag is the text between the first `{` and the first `}` after it, unless that is empty.
 * Hashes the bytes that are sent: the UTF-8 of a string (a lone surrogate is U+FFFD there), a Buffer as it is.
 *
 * @throws InvalidArgumentError unless the key is a string, a number or a Buffer
 * @see {@link https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags | Redis
 *   Cluster specification, hash tags}
 */
export function keySlot(key: string | Buffer | number): number {
  if (typeof key === 'number') return keySlot(String(key));
  if (typeof key !== 'string') {
    if (!(key instanceof Uint8Array))
      throw new InvalidArgumentError(
        'key',
        `A key must be a string, a number or a Buffer, got ${describeKind(key)}`,
      );
    return slotOfBytes(key, key.length);
  }
  if (key.length > MAXIMUM_SCRATCH_LENGTH) return keySlot(Buffer.from(key));
  return slotOfBytes(scratch, encoder.encodeInto(key, scratch).written);
}

function slotOfBytes(bytes: Uint8Array, length: number): number {
  const opening = find(OPENING_BRACE, bytes, 0, length);
  const closing = find(CLOSING_BRACE, bytes, opening + 1, length);
  const tagged = closing < length && closing > opening + 1;
  const crc = tagged ? crcOf(bytes, opening + 1, closing) : crcOf(bytes, 0, length);
  return crc % SLOT_COUNT;
}

/** Returns the index of the first such byte; `end` if there is none. */
function find(byte: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== byte) at++;
  return at;
}

function crcOf(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  let at = start;
  for (; at + 1 < end; at += 2)
    crc = CRC16_FIRST[(crc >> 8) ^ bytes[at]] ^ CRC16_TABLE[(crc & 0xff) ^ bytes[at + 1]];
  return at < end ? ((crc << 8) & 0xffff) ^ CRC16_TABLE[(crc >> 8) ^ bytes[at]] : crc;
}

/** The slot of a command without keys. */
export const NO_SLOT = -1;

/** Returns the slot. @throws InvalidArgumentError unless it is one */
export function checkSlot(slot: number): number {
  if (Number.isInteger(slot) && slot >= 0 && slot < SLOT_COUNT) return slot;
  throw new InvalidArgumentError(
    'slot',
    `"slot" must be an integer from 0 to ${SLOT_COUNT - 1}, got ${describeValue(slot)}`,
  );
}
