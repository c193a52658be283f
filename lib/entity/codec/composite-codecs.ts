import { toJsonText } from '../../cluster/common/json-text.js';
import { type Codec, UnfitValue, fit, textOf } from './codec.js';
import { orderNumber, orderText } from './order-encoding.js';
import { isSamePlain } from '../common/same-plain.js';

/** Turns an entity's value into what is stored, and back; on top of the property's type. */
export interface ValueTransformer<Value = unknown, Stored = unknown> {
  /** What is stored for a value. */
  to(value: Value): Stored;
  /** The value of what is stored. */
  from(stored: Stored): Value;
  /**
   * Whether two values are the same, so that a save knows that nothing was changed. It is needed only where `to` gives
   * other text each time (encryption with a nonce) and the values are objects of a class of your own.
   */
  equals?(a: Value, b: Value): boolean;
}

const fromJsonText = (stored: Buffer | string): unknown => JSON.parse(textOf(stored));

/** Any value that JSON can hold. What it cannot (a bigint, a cycle, a function, a promise, a Map, NaN) is refused. */
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
  isSame: (a, b) => isSamePlain(a, b) || isSameText(jsonCodec, a, b),
};

/** What the value of a part of JSON is: null where it is absent. */
const isSamePart = (codec: Codec, a: unknown, b: unknown): boolean =>
  isAbsent(a) || isAbsent(b) ? isAbsent(a) && isAbsent(b) : codec.isSame(a, b);

const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;

const isSameText = <T>(codec: Pick<Codec<T>, 'encode'>, a: T, b: T): boolean =>
  String(codec.encode(a)) === String(codec.encode(b));

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
    isSame: (a, b) => a === b,
    order(value) {
      fit(known.has(value));
      return typeof value === 'number' ? orderNumber(value) : orderText(value);
    },
    orderForm: values.some((value) => typeof value === 'number') ? 'numbers of an enum' : undefined,
  };
}

/** An array, stored as JSON. */
export function arrayCodec(element: Codec): Codec<unknown[]> {
  const toJson = (value: unknown[]): unknown[] => {
    fit(Array.isArray(value));
    return value.map((item) => (isAbsent(item) ? null : element.toJson(item)));
  };
  const fromJson = (json: unknown): unknown[] => {
    fit(Array.isArray(json));
    return json.map((item: unknown) => (item === null ? null : element.fromJson(item)));
  };
  return {
    ...storedAsJson(toJson, fromJson),
    expects: `an array, each element ${element.expects}`,
    isSame: (a, b) => a.length === b.length && a.every((item, i) => isSamePart(element, item, b[i])),
  };
}

/** A field of a class that is embedded. */
export interface EmbeddedField {
  readonly property: string;
  readonly codec: Codec;
  /** Whether the class has a value for it where nothing is stored. */
  readonly hasDefault: boolean;
}

/**
 * A value of a class of its own, stored as JSON in one field. `fields` may still grow while schemas are built.
 *
 * What JSON has beside these fields, of a newer version of the class, stays with the object that was read, and is
 * written with it again, wherever it is put.
 */
export function embeddedCodec(
  type: new (...args: never[]) => object,
  fields: readonly EmbeddedField[],
): Codec<object> {
  /** What objects were read with and their class does not know, as pairs of name and JSON. */
  const rests = new WeakMap<object, readonly (readonly [name: string, json: unknown])[]>();
  const toJson = (value: object): object => {
    fit(typeof value === 'object' && !Array.isArray(value));
    const json: Record<string, unknown> = {};
    for (const { property, codec, hasDefault } of fields) {
      const part: unknown = Reflect.get(value, property);
      if (!isAbsent(part)) json[property] = codec.toJson(part);
      else if (hasDefault) json[property] = null; // else the default would come back
    }
    const rest = rests.get(value);
    // By fromEntries, as one of the names may be __proto__.
    return rest ? Object.fromEntries([...Object.entries(json), ...rest]) : json;
  };
  const fromJson = (json: unknown): object => {
    fit(typeof json === 'object' && json !== null && !Array.isArray(json));
    const value: object = Reflect.construct(type, []);
    let known = 0;
    for (const { property, codec, hasDefault } of fields) {
      if (!Object.hasOwn(json, property)) {
        if (!hasDefault) Reflect.set(value, property, undefined);
        continue;
      }
      known++;
      const part: unknown = Reflect.get(json, property);
      Reflect.set(value, property, isAbsent(part) ? undefined : codec.fromJson(part));
    }
    const names = Object.keys(json);
    if (names.length > known) {
      const own = new Set(fields.map(({ property }) => property));
      const rest = names.filter((name) => !own.has(name));
      rests.set(
        value,
        rest.map((name) => [name, Reflect.get(json, name)]),
      );
    }
    return value;
  };
  return {
    ...storedAsJson(toJson, fromJson),
    expects: `an object that fits ${type.name}`,
    isSame: (a, b) =>
      fields.every(({ property, codec }) =>
        isSamePart(codec, Reflect.get(a, property), Reflect.get(b, property)),
      ) && isSamePlain(rests.get(a), rests.get(b)),
  };
}

function storedAsJson<T>(
  toJson: (value: T) => unknown,
  fromJson: (json: unknown) => T,
): Omit<Codec<T>, 'expects' | 'isSame'> {
  return {
    form: 'json',
    immutable: false,
    toJson,
    fromJson,
    encode: (value) => jsonCodec.encode(withoutCycles(() => toJson(value))),
    decode: (stored) => fromJson(fromJsonText(stored)),
  };
}

/** Values that hold themselves have no end. */
function withoutCycles<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof RangeError ? new UnfitValue() : error;
  }
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
    isSame: (a, b) =>
      transformer.equals?.(a, b) ??
      (isSamePlain(a, b) || isSamePart(codec, transformer.to(a), transformer.to(b))),
    order: codec.order && ((value) => codec.order!(transformer.to(value))),
    orderForm: codec.orderForm,
  };
}
