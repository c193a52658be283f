import { types } from 'node:util';
import { type Codec, fit, isWellFormed, textOf } from './codec.js';
import { orderBigInt, orderNumber, orderText } from './order-encoding.js';

interface TextScalar<T> {
  form: Codec['form'];
  expects: string;
  accepts(value: unknown): value is T;
  write(value: T): string;
  /** Rejects text that does not stand for a value of the type. */
  read(text: string): T;
  /** Whether JSON has this type; otherwise JSON contains the value as text. */
  inJson?: boolean;
  immutable?: boolean;
  order(value: T): string;
}

/** Returns the codec of a type whose stored form is text. */
function textScalar<T>(scalar: TextScalar<T>): Codec<T> {
  const { form, expects, accepts, write, read, order, inJson = false, immutable = true } = scalar;
  const readText = (text: unknown): T => {
    fit(typeof text === 'string');
    return read(text);
  };
  return {
    form,
    expects,
    immutable,
    order(value) {
      fit(accepts(value));
      return order(value);
    },
    encode(value) {
      fit(accepts(value));
      return write(value);
    },
    decode: (stored) => read(textOf(stored)),
    toJson(value) {
      fit(accepts(value));
      return inJson ? value : write(value);
    },
    fromJson(json) {
      if (!inJson) return readText(json);
      fit(accepts(json));
      return json;
    },
    isSame: (a, b) => write(a) === write(b),
  };
}

export const stringCodec = textScalar<string>({
  form: 'text',
  expects: 'a string',
  accepts: (value): value is string => typeof value === 'string' && isWellFormed(value),
  write: (value) => value,
  read: (text) => text,
  inJson: true,
  order: orderText,
});

export const numberCodec = textScalar<number>({
  form: 'number',
  expects: 'a finite number',
  accepts: (value): value is number => typeof value === 'number' && Number.isFinite(value),
  write: String,
  read(text) {
    const value = Number(text);
    if (value !== 0 && Number.isSafeInteger(value)) return value;
    fit(Number.isFinite(value) && text.trim() !== '');
    // An integer beyond 2^53 would differ from the stored one.
    fit(!Number.isInteger(value) || Number.isSafeInteger(value) || String(value) === text);
    return value;
  },
  inJson: true,
  order: orderNumber,
});

export const bigintCodec = textScalar<bigint>({
  form: 'bigint',
  expects: 'a bigint',
  accepts: (value): value is bigint => typeof value === 'bigint',
  write: String,
  read(text) {
    fit(/^-?\d+$/.test(text)); // BigInt() also accepts '', ' 1 ' and '0x1'
    return BigInt(text);
  },
  order: orderBigInt,
});

export const booleanCodec = textScalar<boolean>({
  form: 'boolean',
  expects: 'a boolean',
  accepts: (value): value is boolean => typeof value === 'boolean',
  write: (value) => (value ? '1' : '0'),
  read(text) {
    fit(text === '1' || text === '0');
    return text === '1';
  },
  inJson: true,
  order: (value) => (value ? '1' : '0'),
});

/** Returns whether a value is a valid Date, also of another realm. */
export const isValidDate = (value: unknown): value is Date =>
  types.isDate(value) && !Number.isNaN(value.getTime());

/** The greatest distance of a Date from 1970. */
const FARTHEST_DATE_MS = 8.64e15;

/** Stores a Date as milliseconds since 1970, the precision of a Date. */
export const dateCodec = textScalar<Date>({
  form: 'date',
  expects: 'a valid Date',
  accepts: isValidDate,
  write: (value) => String(value.getTime()),
  read(text) {
    const ms = Number(text);
    fit(/^-?\d{1,16}$/.test(text) && Math.abs(ms) <= FARTHEST_DATE_MS);
    return new Date(ms);
  },
  immutable: false,
  order: (value) => orderNumber(value.getTime()),
});

/** Stores bytes unchanged. Both directions copy them, because the bytes of a reply share their memory with others. */
export const bufferCodec: Codec<Uint8Array> = {
  form: 'bytes',
  expects: 'a Buffer',
  immutable: false,
  encode(value) {
    fit(types.isUint8Array(value));
    return Buffer.from(value);
  },
  decode(stored) {
    fit(typeof stored !== 'string');
    return Buffer.from(stored);
  },
  toJson(value) {
    fit(types.isUint8Array(value));
    return Buffer.from(value).toString('base64');
  },
  fromJson(json) {
    fit(typeof json === 'string');
    return Buffer.from(json, 'base64');
  },
  isSame: (a, b) => Buffer.compare(a, b) === 0,
};
