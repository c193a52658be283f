import { Command } from 'ioredis';
import { RequestEncoder, type Argument } from '../../lib/cluster/protocol/request-encoder.js';

type Request = readonly [name: string, ...args: Argument[]];

/** The bytes that a connection sends for a batch. */
function bytesOf(pieces: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)),
  );
}

function encode(...requests: Request[]): Buffer {
  const encoder = new RequestEncoder();
  for (const [name, ...args] of requests) encoder.append(name, args);
  return bytesOf(encoder.take());
}

/** Reads requests as a server does, by the announced lengths only; words are told as text of one character a byte. */
function decode(bytes: Buffer): string[][] {
  let offset = 0;
  const line = (type: string): number => {
    const end = bytes.indexOf('\r\n', offset);
    const text = bytes.toString('latin1', offset, end);
    if (!/^[*$]\d+$/.test(text) || text[0] !== type) throw new Error(`no ${type} line at ${offset}`);
    offset = end + 2;
    return Number(text.slice(1));
  };
  const word = (): string => {
    const length = line('$');
    const value = bytes.toString('latin1', offset, offset + length);
    offset += length + 2;
    if (bytes.toString('latin1', offset - 2, offset) !== '\r\n') throw new Error(`no end at ${offset}`);
    return value;
  };
  const requests: string[][] = [];
  while (offset < bytes.length) requests.push(Array.from({ length: line('*') }, word));
  return requests;
}

const asBytes = (request: readonly Argument[]): string[] =>
  request.map((word) => Buffer.from(word as string).toString('latin1'));

const WORDS: readonly Argument[] = [
  ...['', 'a', 'key:{1}:x', 'line\r\nbreak', '$3\r\nGET\r\n', 'é', 'ÿþ', 'ключ', '語', '🙂', '\0', '\u0080'],
  ...['\ud83d', '\ude42', 'a\ud83d', '\ude42a', 'x'.repeat(1023), 'x'.repeat(1024), 'é'.repeat(600)],
  ...['x'.repeat(16_383), 'x'.repeat(16_384), 'é'.repeat(9_000), 'é'.repeat(20_000), 'x'.repeat(70_000)],
  ...[Buffer.alloc(0), Buffer.from([0, 255, 13, 10]), Buffer.from('ключ')],
  ...[Buffer.alloc(16_383, 200), Buffer.alloc(16_384, 200), Buffer.alloc(300_000, 7)],
];

describe('RequestEncoder', () => {
  it('writes a command as an array of bulk strings', () => {
    expect(encode(['PING']).toString()).toBe('*1\r\n$4\r\nPING\r\n');
    expect(encode(['set', 'key', '']).toString()).toBe('*3\r\n$3\r\nset\r\n$3\r\nkey\r\n$0\r\n\r\n');
  });

  it('returns a text batch as one string', () => {
    const encoder = new RequestEncoder();
    for (let i = 0; i < 500; i++) encoder.append('set', [`key:${i}`, 'wert: é語🙂']);
    encoder.append('get', [Buffer.from([255, 0])]);
    const pieces = encoder.take();
    expect(pieces).toHaveLength(1);
    expect(pieces[0]).toEqual(expect.any(String));
  });

  it('returns strings with one character per byte, whatever the arguments contain', () => {
    const encoder = new RequestEncoder();
    for (const word of WORDS) encoder.append('è🙂', [word]);
    for (const piece of encoder.take()) {
      // oxlint-disable-next-line no-control-regex
      if (typeof piece === 'string') expect(/^[\u0000-\u00ff]*$/.test(piece)).toBe(true);
    }
  });

  it('announces the exact length of every argument', () => {
    for (const word of WORDS) {
      const request: Request = ['command', word, 'after'];
      expect(decode(encode(request))).toEqual([asBytes(request)]);
    }
  });

  it('keeps order and bytes in random batches, and knows their size at every step', () => {
    const encoder = new RequestEncoder();
    for (let round = 0; round < 60; round++) {
      const requests = Array.from({ length: Math.floor(Math.random() * 12) }, (): Request => {
        const words = Array.from(
          { length: Math.floor(Math.random() * 12) },
          () => WORDS[Math.floor(Math.random() * WORDS.length)],
        );
        return [`name${round % 7}`, ...words];
      });
      let expectedSize = 0;
      for (const [name, ...args] of requests) {
        encoder.append(name, args);
        expectedSize += encode([name, ...args]).length;
        expect(encoder.size).toBe(expectedSize);
      }
      expect(decode(bytesOf(encoder.take()))).toEqual(requests.map(asBytes));
    }
  });

  it('writes byte text as it is, in order with other commands', () => {
    const encoder = new RequestEncoder();
    const texts = asBytes([
      'ÿþ',
      'ключ',
      'x'.repeat(70_000),
      ...Array.from({ length: 3_000 }, (_, i) => `🙂${i}`),
    ]);
    encoder.appendByteTexts('first', texts);
    encoder.append('second', ['é']);
    encoder.appendByteTexts('third', texts.slice(0, 1));
    const { size } = encoder;
    const bytes = bytesOf(encoder.take());
    expect(bytes).toHaveLength(size);
    expect(decode(bytes)).toEqual([['first', ...texts], asBytes(['second', 'é']), ['third', texts[0]]]);
  });

  it('keeps arguments that commands have in common, and those in which they differ', () => {
    const encoder = new RequestEncoder();
    const fields = ['~v', 'titel: é語', '', 'price'];
    const changed = [...fields];
    const bytes = Buffer.from('abcd');
    const requests: Request[] = [
      ...['a', 'b', 'é', 'x'.repeat(20_000), 'c'].map((key): Request => ['hmget', key, ...fields]),
      ['hmget', 'd', ...fields.slice(1)],
      ['hmget', 'e', ...fields, 'more'],
      ['hmget', 'f', ...fields.with(1, 'title')],
      ...['g', 'h', 'i'].map((key): Request => ['hset', key, 'field', 'x'.repeat(9_000), 'other', '1']),
      ...['j', 'k', 'l'].map((key): Request => ['hset', key, 'field', 'x'.repeat(40_000), 'other', '1']),
    ];
    for (const [name, ...args] of requests) encoder.append(name, args);
    for (const [i, field] of ['p', 'q', 'q', 'r'].entries()) {
      const args = ['m', ...changed];
      args[2] = field;
      encoder.append('hmget', args);
      requests.push(['hmget', ...args]);
      args[2] = `changed after ${i}`;
    }
    for (const byte of [97, 98, 98]) {
      bytes[0] = byte;
      encoder.append('hset', ['n', 'field', bytes, 'other', '1']);
      requests.push(['hset', 'n', 'field', Buffer.from(bytes), 'other', '1']);
    }
    expect(decode(bytesOf(encoder.take()))).toEqual(requests.map(asBytes));
  });

  it('sends the same bytes as ioredis', () => {
    for (const word of WORDS) {
      const theirs = new Command('set', ['key', word, 'é'], {}).toWritable(undefined as never);
      expect(encode(['set', 'key', word, 'é']).equals(Buffer.from(theirs as string))).toBe(true);
    }
  });

  it('does not copy large Buffers', () => {
    const value = Buffer.alloc(100_000);
    const encoder = new RequestEncoder();
    encoder.append('set', ['key', value, 'ex', '5']);
    expect(encoder.take()[1]).toBe(value);
  });

  it('builds no long string from many small arguments', () => {
    const encoder = new RequestEncoder();
    const args = Array.from({ length: 20_000 }, (_, i) => `element ${i} é`);
    encoder.append('rpush', args);
    const pieces = encoder.take();
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(64 * 1024);
    expect(decode(bytesOf(pieces))).toEqual([asBytes(['rpush', ...args])]);
  });

  it.each([
    ['an empty batch', [] as Request[]],
    ['a batch of text', [['get', 'a']] as Request[]],
    ['a batch with large arguments', [['set', 'a', Buffer.alloc(70_000)]] as Request[]],
  ])('returns to %s, as if nothing had been added since', (_, before) => {
    const encoder = new RequestEncoder();
    for (const [name, ...args] of before) encoder.append(name, args);
    encoder.keep();
    encoder.append('rpush', ['l', 'x'.repeat(40_000), ...Array<string>(9_000).fill('small')]);
    encoder.append('get', ['b']);
    encoder.revert();
    encoder.append('get', ['c']);
    const expected = [...before, ['get', 'c'] as Request].map((request) =>
      request.map((word) => (typeof word === 'string' ? word : word.toString('latin1'))),
    );
    expect(encoder.size).toBe(encode(...before, ['get', 'c']).length);
    expect(decode(bytesOf(encoder.take()))).toEqual(expected);
  });

  it('starts an empty batch after take', () => {
    const encoder = new RequestEncoder();
    encoder.append('set', ['key', Buffer.alloc(100_000)]);
    encoder.take();
    expect(encoder.size).toBe(0);
    expect(encoder.take()).toEqual([]);
  });

  it('stays correct with more names and argument counts than it caches', () => {
    const encoder = new RequestEncoder();
    const requests: Request[] = Array.from({ length: 3_000 }, (_, i) => [
      i % 100 === 0 ? 'long'.repeat(i) : `name:${i}`,
      ...Array.from({ length: i % 20 }, String),
    ]);
    for (let pass = 0; pass < 2; pass++) {
      for (const [name, ...args] of requests) encoder.append(name, args);
      expect(decode(bytesOf(encoder.take()))).toEqual(requests.map(asBytes));
    }
  });

  it('accepts a command with many arguments', () => {
    const request: Request = ['mset', ...Array.from({ length: 200_000 }, (_, i) => `k${i}`)];
    const [decoded] = decode(encode(request));
    expect(decoded).toHaveLength(200_001);
    expect(decoded[200_000]).toBe('k199999');
  });
});
