import { isUtf8 } from 'node:buffer';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { toJsonText } from '../../cluster/common/json-text.js';
import { otherOfKind } from '../../cluster/common/describe-value.js';
import { isStandardSchema, schemaCodec, type StandardSchema } from './standard-schema.js';
import type { MessageCodec } from './message-codec.js';

/** The codecs that come with the package. */
export type CodecName = 'json' | 'text' | 'binary';

/** A codec of the package by its name, one of your own, or a Standard Schema, which checks what JSON holds. */
export type Codec<T = unknown> = CodecName | MessageCodec<T> | StandardSchema<unknown, T>;

const CODECS: Readonly<Record<CodecName, MessageCodec>> = {
  json: {
    encode: (value) => {
      const text = toJsonText(value);
      if (text === undefined) throw wrongValue('json', 'what JSON can hold');
      return text;
    },
    decode: (payload) => JSON.parse(readText(payload)) as unknown,
  },
  text: {
    encode: (value) => {
      if (typeof value !== 'string') throw wrongValue('text', 'a string');
      return value;
    },
    decode: readText,
  },
  binary: {
    encode: (value) => {
      if (!(value instanceof Uint8Array)) throw wrongValue('binary', 'a Buffer or Uint8Array');
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    },
    // a view would keep all that came with it in memory for as long as the payload is kept
    decode: (payload) => Buffer.from(payload),
  },
};

/** The codec that is meant. @throws InvalidArgumentError */
export function resolveCodec<T>(codec: Codec<T>): MessageCodec<T> {
  if (typeof codec === 'string' && Object.hasOwn(CODECS, codec)) return CODECS[codec] as MessageCodec<T>;
  if (isStandardSchema(codec)) return codecOfSchema(codec) as MessageCodec<T>;
  const { encode, decode } = (codec ?? {}) as Partial<MessageCodec<T>>;
  if (typeof encode === 'function' && typeof decode === 'function') return codec as MessageCodec<T>;
  throw new InvalidArgumentError(
    'codec',
    `A codec is one of ${Object.keys(CODECS).join(', ')}, an object with encode() and decode(), or a Standard Schema; ` +
      `${otherOfKind(codec)} came`,
  );
}

/** One for each schema, so that observables with the same schema have the same codec. */
const schemaCodecs = new WeakMap<StandardSchema, MessageCodec>();

function codecOfSchema(schema: StandardSchema): MessageCodec {
  let codec = schemaCodecs.get(schema);
  if (codec === undefined) schemaCodecs.set(schema, (codec = schemaCodec(schema, CODECS.json)));
  return codec;
}

/** Payload bytes as text. @throws TypeError where they are not UTF-8, which would be altered silently otherwise */
function readText(payload: Buffer): string {
  if (!isUtf8(payload)) throw new TypeError('The payload is not UTF-8');
  return payload.toString();
}

function wrongValue(codec: CodecName, expected: string): InvalidArgumentError {
  return new InvalidArgumentError('value', `The ${codec} codec takes ${expected}`);
}
