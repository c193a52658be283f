import { type Codec, fit, textOf } from './codec.js';
import { orderNumber, orderText } from './order-encoding.js';

/** Turns an entity's value into what is stored, and back; on top of the property's type. */
export interface ValueTransformer<Value = unknown, Stored = unknown> {
  /** What is stored for a value. */
  to(value: Value): Stored;
  /** The value of what is stored. */
  from(stored: Stored): Value;
}

const fromJsonText = (stored: Buffer | string): unknown => JSON.parse(textOf(stored));

/** Any value that JSON can hold. What it cannot (a bigint, a cycle, a function) is refused. */
export const jsonCodec: Codec = {
  form: 'json',
  expects: 'a value that JSON can hold',
  immutable: false,
  encode(value) {
    const text = toJsonText(value);
    fit(text !== undefined);
    return text;
  },
  decode: fromJsonText,
  toJson: (value) => value,
  fromJson: (json) => json,
};

function toJsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined;
  } catch {
    return undefined;
  }
}

/** One of a list of strings and numbers. */
export function enumCodec(values: readonly (string | number)[]): Codec<string | number> {
  const byText = new Map(values.map((value) => [String(value), value]));
  const known = new Set(values);
  const read = (text: string): string | number => {
    const value = byText.get(text);
    fit(value !== undefined);
    return value;
  };
  const write = (value: string | number): string => {
    fit(known.has(value));
    return String(value);
  };
  return {
    form: 'text',
    expects: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
    immutable: true,
    encode: write,
    decode: (stored) => read(stored.toString()),
    toJson: write,
    fromJson: (json) => read(String(json)),
    order(value) {
      fit(known.has(value));
      return typeof value === 'number' ? orderNumber(value) : orderText(value);
    },
  };
}

/** An array, stored as JSON. */
export function arrayCodec(element: Codec): Codec<unknown[]> {
  const toJson = (value: unknown[]): unknown[] => {
    fit(Array.isArray(value));
    return value.map((item) => (item === null || item === undefined ? null : element.toJson(item)));
  };
  const fromJson = (json: unknown): unknown[] => {
    fit(Array.isArray(json));
    return json.map((item: unknown) => (item === null ? null : element.fromJson(item)));
  };
  return { ...storedAsJson(toJson, fromJson), expects: `an array, each element ${element.expects}` };
}

/** A field of a class that is embedded. */
export interface EmbeddedField {
  readonly property: string;
  readonly codec: Codec;
}

/** A value of a class of its own, stored as JSON in one field. `fields` may still grow while schemas are built. */
export function embeddedCodec(
  type: new (...args: never[]) => object,
  fields: readonly EmbeddedField[],
): Codec<object> {
  const toJson = (value: object): object => {
    fit(typeof value === 'object' && !Array.isArray(value));
    const json: Record<string, unknown> = {};
    for (const { property, codec } of fields) {
      const part: unknown = Reflect.get(value, property);
      if (part !== null && part !== undefined) json[property] = codec.toJson(part);
    }
    return json;
  };
  const fromJson = (json: unknown): object => {
    fit(typeof json === 'object' && json !== null && !Array.isArray(json));
    const value: object = Reflect.construct(type, []);
    for (const { property, codec } of fields) {
      const part: unknown = Object.hasOwn(json, property) ? Reflect.get(json, property) : undefined;
      Reflect.set(value, property, part === null || part === undefined ? undefined : codec.fromJson(part));
    }
    return value;
  };
  return { ...storedAsJson(toJson, fromJson), expects: `an object that fits ${type.name}` };
}

function storedAsJson<T>(
  toJson: (value: T) => unknown,
  fromJson: (json: unknown) => T,
): Omit<Codec<T>, 'expects'> {
  return {
    form: 'json',
    immutable: false,
    toJson,
    fromJson,
    encode: (value) => jsonCodec.encode(toJson(value)),
    decode: (stored) => fromJson(fromJsonText(stored)),
  };
}

/** A type with a transformer on top. The values may be mutable, so what they become is what is compared. */
export function transformedCodec(codec: Codec, transformer: ValueTransformer): Codec {
  return {
    form: codec.form,
    expects: `what its transformer stores as ${codec.expects}`,
    immutable: false,
    encode: (value) => codec.encode(transformer.to(value)),
    decode: (stored) => transformer.from(codec.decode(stored)),
    toJson: (value) => codec.toJson(transformer.to(value)),
    fromJson: (json) => transformer.from(codec.fromJson(json)),
    order: codec.order && ((value) => codec.order!(transformer.to(value))),
  };
}
