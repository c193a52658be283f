import { keySlot, SLOT_COUNT } from 'keyslot';

/** CRC16-XMODEM bit by bit, over the bytes of the hash tag, straight from the specification. */
function slotBySpecification(key: Buffer): number {
  const opening = key.indexOf('{');
  const closing = opening === -1 ? -1 : key.indexOf('}', opening + 1);
  const hashed = closing > opening + 1 ? key.subarray(opening + 1, closing) : key;
  let crc = 0;
  for (const byte of hashed) {
    for (let bit = 7; bit >= 0; bit--) {
      const carry = ((crc >> 15) ^ (byte >> bit)) & 1;
      crc = ((crc << 1) & 0xffff) ^ (carry * 0x1021);
    }
  }
  return crc % SLOT_COUNT;
}

function randomKey(): string {
  const alphabets = [
    'abc{}',
    '{}',
    'aé{}',
    '語🙂{}x',
    '\ud800\udc00\udbff\udfff{}a',
    '\u07ff\u0800\uffff\u0080\u007f',
  ];
  const alphabet = alphabets[Math.floor(Math.random() * alphabets.length)];
  const length = Math.floor(Math.random() * 24);
  return Array.from({ length }, () => alphabet.charAt(Math.floor(Math.random() * alphabet.length))).join('');
}

describe('keySlot', () => {
  it.each([
    ['123456789', 12739],
    ['', 0],
    ['foo', 12182],
    ['bar', 5061],
    ['foo{}{bar}', 8363],
  ])('hashes %j to slot %i', (key, slot) => {
    expect(keySlot(key)).toBe(slot);
    expect(keySlot(Buffer.from(key))).toBe(slot);
  });

  it.each([
    ['{user1000}.following', 'user1000'],
    ['foo{{bar}}zap', '{bar'],
    ['foo{bar}{zap}', 'bar'],
    ['{a}', 'a'],
    ['x{語🙂}y', '語🙂'],
  ])('hashes %j by its tag %j', (key, tag) => {
    expect(keySlot(key)).toBe(keySlot(tag));
    expect(keySlot(Buffer.from(key))).toBe(keySlot(tag));
  });

  it.each(['{}x}', '{}', '{', '}', '}{', 'a{b', 'a}b{'])('hashes all of %j, which has no hash tag', (key) => {
    expect(keySlot(key)).toBe(slotBySpecification(Buffer.from(key)));
  });

  it('hashes a number as its text', () => {
    expect(keySlot(123456789)).toBe(12739);
    expect(keySlot(-1.5)).toBe(keySlot('-1.5'));
    expect(keySlot(1e21)).toBe(keySlot('1e+21'));
  });

  it('hashes a lone surrogate as the U+FFFD that is sent, even if the tag splits a pair', () => {
    expect(keySlot('\ud83d')).toBe(keySlot(Buffer.from([0xef, 0xbf, 0xbd])));
    expect(keySlot('\ude42a')).toBe(keySlot('\ufffda'));
    expect(keySlot('{\ud83d}\ude42')).toBe(keySlot('\ufffd'));
  });

  it('hashes any string as the bytes that Node sends for it', () => {
    for (let round = 0; round < 20_000; round++) {
      const key = randomKey();
      const bytes = Buffer.from(key);
      const expected = slotBySpecification(bytes);
      if (keySlot(key) !== expected || keySlot(bytes) !== expected) {
        throw new Error(
          `slot ${expected} expected for ${JSON.stringify(key)}, not ${keySlot(key)} or ${keySlot(bytes)}`,
        );
      }
    }
  });

  it('hashes bytes that are not valid text unchanged', () => {
    for (let byte = 0; byte < 256; byte++) {
      const key = Buffer.from([byte, 0xff, 0x7b, byte === 0x7d ? 0 : byte, 0x7d]);
      expect(keySlot(key)).toBe(slotBySpecification(key));
    }
  });

  it('reaches every slot', () => {
    const slots = new Set<number>();
    for (let i = 0; slots.size < SLOT_COUNT && i < 400_000; i++) slots.add(keySlot(`key:${i}`));
    expect(slots.size).toBe(SLOT_COUNT);
  });
});
