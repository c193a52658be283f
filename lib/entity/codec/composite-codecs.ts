import { toJsonText } from '../../cluster/common/json-text.js';
import { type Codec, UnfitValue, fit, textOf } from './codec.js';
import { orderNumber, orderText } from './order-encoding.js';
import { isSamePlain } from '../common/same-plain.js';

/** Converts an entity's value to a value of the property's type, which is stored, and back. */
export interface ValueTransformer<Value = unknown, Stored = unknown> {
  /** Converts an entity's value to the value to store. */
  to(value: Value): Stored;
  /** Converts a stored value to the entity's value. */
  from(stored: Stored): Value;
  /**
   * Returns whether two values are the same, so that a save can tell that nothing has changed. You need it only if
   * `to` returns a different text each time (encryption with a nonce) and the values are objects of your own class.
   */
  equals?(a: Value, b: Value): boolean;
}

const fromJsonText = (stored: Buffer | string): unknown => JSON.parse(textOf(stored));

/** Any JSON value. Values that JSON cannot represent (a bigint, cycle, function, promise, Map, NaN) are rejected. */
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

/** Returns whether two parts of JSON are the same, where an absent part equals null. */
const isSamePart = (codec: Codec, a: unknown, b: unknown): boolean =>
  isAbsent(a) || isAbsent(b) ? isAbsent(a) && isAbsent(b) : codec.isSame(a, b);

const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;

const isSameText = <T>(codec: Pick<Codec<T>, 'encode'>, a: T, b: T): boolean =>
  String(codec.encode(a)) === String(codec.encode(b));

/** Returns the codec for one of a list of strings and numbers. */
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

/** Returns the codec of an array, stored as JSON. */
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
    element,
    expects: `an array, each element ${element.expects}`,
    isSame: (a, b) => a.length === b.length && a.every((item, i) => isSamePart(element, item, b[i])),
  };
}

/** A field of an embedded class. */
export interface EmbeddedField {
  readonly property: string;
  readonly codec: Codec;
  /** Whether the class sets a default value. */
  readonly hasDefault: boolean;
}

/** A field of an embedded class, with what is known of its name. */
interface LoadedPart extends EmbeddedField {
  /** Whether every object has it, as `constructor`. */
  readonly isInherited: boolean;
  readonly isAccessor: boolean;
}

const loadedPart = (
  { property, codec, hasDefault }: EmbeddedField,
  type: { prototype: object },
): LoadedPart => ({
  property,
  codec,
  hasDefault,
  isInherited: property in Object.prototype,
  isAccessor: property in type.prototype,
});

/**
 * Returns the codec of an embedded class, stored as JSON in one field. `fields` can still grow while schemas are built.
 *
 * Fields that the class does not know, for example of a newer version, stay with the object that was read, and are
 * written again with it, even in another entity.
 */
export function embeddedCodec(
  type: new (...args: never[]) => object,
  fields: readonly EmbeddedField[],
): Codec<object> {
  /** The unknown fields that objects were read with, as pairs of name and JSON. */
  const rests = new WeakMap<object, readonly (readonly [name: string, json: unknown])[]>();
  const toJson = (value: object): object => {
    fit(typeof value === 'object' && !Array.isArray(value));
    const json: Record<string, unknown> = {};
    for (const { property, codec, hasDefault } of fields) {
      const part: unknown = Reflect.get(value, property);
      if (!isAbsent(part)) json[property] = codec.toJson(part);
      else if (hasDefault) json[property] = null; // otherwise the default would reappear
    }
    const rest = rests.get(value);
    // Object.fromEntries, because a name can be __proto__.
    return rest ? Object.fromEntries([...Object.entries(json), ...rest]) : json;
  };
  let loaded: readonly LoadedPart[] = [];
  const fromJson = (json: unknown): object => {
    fit(typeof json === 'object' && json !== null && !Array.isArray(json));
    if (loaded.length < fields.length) loaded = fields.map((field) => loadedPart(field, type));
    const value = new (type as new () => Record<string, unknown>)();
    let unknown = 0;
    for (const _ in json) unknown++;
    for (let i = 0; i < loaded.length; i++) {
      const { property, codec, hasDefault, isInherited, isAccessor } = loaded[i];
      let part = (json as Record<string, unknown>)[property];
      if (isInherited && !Object.hasOwn(json, property)) part = undefined;
      if (part !== undefined) unknown--;
      else if (hasDefault) continue;
      const own = isAbsent(part) ? undefined : codec.fromJson(part);
      // an accessor without a setter ignores the value
      if (isAccessor) Reflect.set(value, property, own);
      else value[property] = own;
    }
    if (unknown > 0) {
      const own = new Set(fields.map(({ property }) => property));
      const rest = Object.keys(json).filter((name) => !own.has(name));
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
): Omit<Codec<T>, 'expects' | 'isSame' | 'element'> {
  return {
    form: 'json',
    immutable: false,
    toJson,
    fromJson,
    encode: (value) => jsonCodec.encode(withoutCycles(() => toJson(value))),
    decode: (stored) => fromJson(fromJsonText(stored)),
  };
}

/** Rejects values that contain themselves. */
function withoutCycles<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof RangeError ? new UnfitValue() : error;
  }
}

/** Returns the codec of a type with a transformer. Values can be mutable, so their stored forms are compared. */
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
