import { isUtf8 } from 'node:buffer';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { toJsonText, unfitForJson } from '../../cluster/common/json-text.js';
import { describeKind, describeOther } from '../../cluster/common/describe-value.js';
import { InvalidUtf8Error, type IncomingMessage } from '../subscriptions/incoming-message.js';
import { isStandardSchema, schemaCodec, type StandardSchema } from './standard-schema.js';
import type { MessageCodec } from './message-codec.js';

/** The built-in codecs. */
export type CodecName = 'json' | 'text' | 'binary';

/** A codec: a built-in one by name, your own, or a Standard Schema, which validates JSON payloads. */
export type Codec<T = unknown> = CodecName | MessageCodec<T> | StandardSchema<unknown, T>;

const CODECS: Readonly<Record<CodecName, MessageCodec>> = {
  json: {
    encode: (value) => {
      const text = toJsonText(value);
      if (text === undefined) throw wrongJson(value);
      return text;
    },
    decode: (payload) => JSON.parse(readText(payload)) as unknown,
  },
  text: {
    encode: (value) => {
      if (typeof value !== 'string') throw wrongValue('text', 'a string', value);
      return value;
    },
    decode: readText,
  },
  binary: {
    encode: (value) => {
      if (!(value instanceof Uint8Array)) throw wrongValue('binary', 'a Buffer or Uint8Array', value);
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    },
    // a view would keep the whole chunk in memory for as long as the payload
    decode: (payload) => Buffer.from(payload),
  },
};

/** Returns the value of a message, or a promise of it. */
export type PayloadReader = (message: IncomingMessage) => unknown;

/** How the built-in codecs read a message: as `decode` does, without a Buffer that nobody sees. */
const READERS: ReadonlyMap<MessageCodec, PayloadReader> = new Map<MessageCodec, PayloadReader>([
  [CODECS.json, (message) => JSON.parse(message.text()) as unknown],
  [CODECS.text, (message) => message.text()],
  [CODECS.binary, (message) => message.payloadCopy()],
]);

/** Returns the reader of a codec. */
export const readerOf = (codec: MessageCodec): PayloadReader =>
  READERS.get(codec) ?? ((message) => codec.decode(message.payload()));

/** Returns the codec itself. @throws InvalidArgumentError for anything that is not a codec */
export function resolveCodec<T>(codec: Codec<T>): MessageCodec<T> {
  if (typeof codec === 'string' && Object.hasOwn(CODECS, codec)) return CODECS[codec] as MessageCodec<T>;
  if (isStandardSchema(codec)) return codecOfSchema(codec) as MessageCodec<T>;
  const { encode, decode } = (codec ?? {}) as Partial<MessageCodec<T>>;
  if (typeof encode === 'function' && typeof decode === 'function') return codec as MessageCodec<T>;
  throw new InvalidArgumentError(
    'codec',
    `"codec" must be one of ${Object.keys(CODECS).join(', ')}, an object with encode() and decode(), or a Standard ` +
      `Schema, got ${describeOther(codec)}`,
  );
}

/** One codec per schema, so that observables with the same schema share it. */
const schemaCodecs = new WeakMap<StandardSchema, MessageCodec>();

function codecOfSchema(schema: StandardSchema): MessageCodec {
  let codec = schemaCodecs.get(schema);
  if (codec === undefined) schemaCodecs.set(schema, (codec = schemaCodec(schema, CODECS.json)));
  return codec;
}

/**
 * Decodes a payload as text.
 * @throws TypeError for invalid UTF-8, which `toString()` would silently replace
 */
function readText(payload: Buffer): string {
  if (!isUtf8(payload)) throw new InvalidUtf8Error();
  return payload.toString();
}

function wrongJson(value: unknown): InvalidArgumentError {
  const part = typeof value === 'object' && value !== null ? unfitForJson(value) : undefined;
  const error = wrongValue('json', 'a value that JSON can represent', value);
  return part === undefined ? error : new InvalidArgumentError('value', `${error.message} with ${part}`);
}

function wrongValue(codec: CodecName, expected: string, value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    'value',
    `The ${codec} codec needs ${expected}, got ${describeKind(value)}`,
  );
}
