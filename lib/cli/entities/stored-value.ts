import { textOf } from '../../entity/codec/codec.js';
import {
  bigintCodec,
  booleanCodec,
  bufferCodec,
  dateCodec,
  numberCodec,
  stringCodec,
} from '../../entity/codec/scalar-codecs.js';

/** A property of a row. */
export interface StoredProperty {
  readonly name: string;
  /** The stored form, as the schema record has it; `unknown` for a field that it does not have. */
  readonly form: string;
  /** The value as JSON has it: a date as ISO text, a bigint as text, bytes as base64; null if it is absent. */
  readonly value: unknown;
  /** Why the value is the stored text rather than one of its form. */
  readonly fault?: string;
}

type Reader = (stored: Buffer) => unknown;

/** How each form is read. */
const READERS: Readonly<Record<string, Reader>> = {
  text: (stored) => stringCodec.decode(stored),
  number: (stored) => numberCodec.decode(stored),
  bigint: (stored) => String(bigintCodec.decode(stored)),
  boolean: (stored) => booleanCodec.decode(stored),
  date: (stored) => dateCodec.decode(stored).toISOString(),
  bytes: (stored) => bufferCodec.toJson(bufferCodec.decode(stored)),
  json: (stored) => JSON.parse(textOf(stored)) as unknown,
  counter: (stored) => String(bigintCodec.decode(stored)),
};

/** Decodes a field of a row. A value that does not have its form is returned as text. */
export function readProperty(name: string, form: string, stored: Buffer | undefined): StoredProperty {
  if (stored === undefined) return { name, form, value: null };
  const read = READERS[form];
  if (read === undefined) return { name, form, value: stored.toString() };
  try {
    return { name, form, value: read(stored) };
  } catch {
    return { name, form, value: stored.toString(), fault: `not stored as ${form}` };
  }
}
