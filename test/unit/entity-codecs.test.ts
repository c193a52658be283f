import type { Codec } from '../../lib/entity/codec/codec.js';
import {
  arrayCodec,
  enumCodec,
  jsonCodec,
  transformedCodec,
} from '../../lib/entity/codec/composite-codecs.js';
import { orderBigInt, orderNumber, orderText } from '../../lib/entity/codec/order-encoding.js';
import {
  bigintCodec,
  booleanCodec,
  bufferCodec,
  dateCodec,
  numberCodec,
  stringCodec,
} from '../../lib/entity/codec/scalar-codecs.js';

const stored = (codec: Codec, value: unknown): Buffer => Buffer.from(codec.encode(value) as string);

enum Level {
  Low,
  High,
}

const CODECS: [string, Codec, unknown[], unknown[], (string | Buffer)[]][] = [
  // name, codec, values it keeps, values it refuses, stored bytes it refuses
  ['string', stringCodec, ['', 'a', 'ÿ€😀', '\0'], [1, '\ud800', Buffer.from('a')], [Buffer.from([0xff])]],
  [
    'number',
    numberCodec,
    [0, -1.5, 1e300, 5e-324, 2 ** 53 - 1, 1e21],
    ['1', NaN, Infinity, 1n],
    ['', ' ', 'x', 'NaN', 'Infinity', '9007199254740993'],
  ],
  ['bigint', bigintCodec, [0n, -1n, 2n ** 200n], [1, '1'], ['', '1.5', '0x10', ' 1']],
  ['boolean', booleanCodec, [true, false], ['true', 1], ['', 'true', '2']],
  [
    'Date',
    dateCodec,
    [new Date(0), new Date(-1), new Date(8.64e15)],
    [new Date(NaN), 0, '2020-01-01'],
    ['', '2020-01-01', '8640000000000001'],
  ],
  ['Buffer', bufferCodec, [Buffer.from([0, 255, 128]), Buffer.alloc(0)], ['a', [1]], []],
  ['enum', enumCodec([Level.Low, Level.High, 'other']), [0, 1, 'other'], ['0', 2, 'Low'], ['Low', '2', '']],
  [
    'JSON',
    jsonCodec,
    [{ a: [1, null, 'x'] }, [], 'text', false],
    [1n, () => 1, Symbol('s')],
    ['', '{', 'undefined'],
  ],
  ['array', arrayCodec(bigintCodec), [[], [1n, -2n], [null, 3n]], [[1], 'ab', {}], ['{}', '[1]', '["x"]']],
  ['array of dates', arrayCodec(arrayCodec(dateCodec)), [[[new Date(5)]]], [[new Date(5)]], ['[5]']],
];

describe.each(CODECS)('the %s codec', (_name, codec, kept, refused) => {
  it('preserves values', () => {
    for (const value of kept) {
      expect(codec.decode(stored(codec, value))).toEqual(value);
      expect(codec.fromJson(JSON.parse(JSON.stringify(codec.toJson(value))))).toEqual(value);
    }
  });

  it('rejects other values', () => {
    for (const value of refused) expect(() => codec.encode(value)).toThrow();
  });
});

it.each(CODECS.filter(([name]) => name !== 'Buffer'))(
  'the %s codec rejects other stored bytes',
  (_name, codec, _kept, _refused, mismatches) => {
    expect(mismatches).not.toEqual([]);
    for (const bytes of mismatches) expect(() => codec.decode(Buffer.from(bytes))).toThrow();
  },
);

it('the Buffer codec accepts all stored bytes', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  expect(bufferCodec.decode(bytes)).toEqual(bytes);
});

it('preserves a JSON property named __proto__ as data', () => {
  const value = jsonCodec.decode(Buffer.from('{"__proto__":{"admin":true}}')) as object;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.keys(value)).toEqual(['__proto__']);
});

it('applies a transformer on top of a type', () => {
  const cents = transformedCodec(bigintCodec, {
    to: (euros) => BigInt(Math.round((euros as number) * 100)),
    from: (value) => Number(value) / 100,
  });
  expect(cents.encode(12.34)).toBe('1234');
  expect(cents.decode(Buffer.from('1234'))).toBe(12.34);
});

describe('order-preserving texts', () => {
  const compare = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
  const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

  /** Pairs whose texts sort otherwise than they do. */
  function misplaced<T>(values: T[], order: (value: T) => string, expected = compare<T>): [T, T][] {
    return values.flatMap((a) =>
      values
        // A separator follows each part of an index entry.
        .filter((b) => bytewise(`${order(a)}\0`, `${order(b)}\0`) !== expected(a, b))
        .map((b): [T, T] => [a, b]),
    );
  }

  it('sort numbers correctly', () => {
    const numbers = [-Infinity, -1e300, -2, -1, -5e-324, -0, 0, 5e-324, 0.1, 1, 2, 2 ** 53, 1e300];
    for (let i = 0; i < 300; i++) numbers.push((Math.random() - 0.5) * 10 ** (Math.random() * 40 - 20));
    expect(misplaced(numbers, orderNumber)).toEqual([]);
  });

  it('sort bigints of any size correctly', () => {
    const values = [0n, 1n, -1n, 15n, 16n, -16n, 2n ** 64n, -(2n ** 64n), 2n ** 300n, -(2n ** 300n)];
    for (let i = 0; i < 300; i++) values.push(BigInt(Math.floor((Math.random() - 0.5) * 2 ** 53)));
    expect(misplaced(values, orderBigInt)).toEqual([]);
  });

  it('sort strings by code point, contain no zero byte, and share prefixes like the strings', () => {
    const alphabet = ['\0', '\x01', '\x02', 'a', 'b', 'é', '€', '😀'];
    const texts = Array.from({ length: 300 }, () =>
      Array.from(
        { length: Math.floor(Math.random() * 4) },
        () => alphabet[Math.floor(Math.random() * 8)],
      ).join(''),
    );
    expect(misplaced(texts, orderText, bytewise)).toEqual([]);
    expect(texts.filter((text) => orderText(text).includes('\0'))).toEqual([]);
    expect(texts.filter((text) => !orderText(`${text}more`).startsWith(orderText(text)))).toEqual([]);
  });
});
