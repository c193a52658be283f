import type { Codec } from '../codec/codec.js';
import {
  type ValueTransformer,
  arrayCodec,
  enumCodec,
  jsonCodec,
  transformedCodec,
} from '../codec/composite-codecs.js';
import {
  bigintCodec,
  booleanCodec,
  bufferCodec,
  dateCodec,
  numberCodec,
  stringCodec,
} from '../codec/scalar-codecs.js';

type Constructor = abstract new (...args: never[]) => unknown;
type Callable = (...args: never[]) => unknown;
type TypeName = Constructor | Callable; // BigInt can be called but not constructed

/**
 * The type of a property: `String Number BigInt Boolean Date Buffer`, `Object` or `Array` for any JSON value,
 * `[String]` for an array with typed elements, an embedded class, or a function that returns one of these.
 */
export type PropertyType = TypeName | readonly [TypeName];

/** Options of `@Property`. */
export interface PropertyOptions {
  type?: PropertyType | undefined;
  /**
   * The permitted values: a TypeScript enum, or an array of strings and numbers. With `type: () => [String]` or
   * `[Number]`, the property is an array of them.
   */
  enum?: Readonly<Record<string, string | number>> | readonly (string | number)[] | undefined;
  /** Converts the entity's value to a value of `type` (by default a string), and back. */
  transformer?: ValueTransformer<never, unknown> | ValueTransformer | undefined;
}

const CODECS = new Map<unknown, Codec>([
  [String, stringCodec],
  [Number, numberCodec],
  [BigInt, bigintCodec],
  [Boolean, booleanCodec],
  [Date, dateCodec],
  [Buffer, bufferCodec],
  [Uint8Array, bufferCodec],
  [Object, jsonCodec],
  [Array, jsonCodec],
]);

/** Why a type cannot be used. The schema builder prefixes the class and the property. */
export class TypeFault extends Error {}

/**
 * Returns the codec of a property.
 *
 * @param options the options of its decorator.
 * @param emitted the type that TypeScript emitted (`emitDecoratorMetadata`), if any.
 * @param embedded returns the codec of an embedded class, or undefined for any other class.
 * @throws TypeFault
 */
export function resolveCodec(
  options: PropertyOptions,
  emitted: unknown,
  embedded: (type: new (...args: never[]) => object) => Codec | undefined,
): Codec {
  const base = baseCodec(options, emitted, embedded);
  return options.transformer ? transformedCodec(base, options.transformer as ValueTransformer) : base;
}

type EmbeddedLookup = Parameters<typeof resolveCodec>[2];

function baseCodec(options: PropertyOptions, emitted: unknown, embedded: EmbeddedLookup): Codec {
  if (options.enum) return ofEnum(enumValues(options.enum), options.type);
  if ('type' in options) return codecOf(options.type, embedded);
  if (options.transformer) return stringCodec;
  // TypeScript emits `Object` and `Array` also for unions, interfaces and arrays of any type.
  const codec = emitted === Object || emitted === Array ? undefined : CODECS.get(emitted);
  if (codec) return codec;
  throw new TypeFault(
    emitted === undefined
      ? 'has no known type: name it, as in @Property(String), or compile with emitDecoratorMetadata'
      : 'has a type that TypeScript does not emit (a union such as string | null, an array, an enum, an interface): ' +
          'name it, as in @Property(String), @Property(() => [String]), @Property({ enum: Status }), ' +
          '@Property(Object) for JSON, or @Embedded(() => Class)',
  );
}

function codecOf(given: unknown, embedded: EmbeddedLookup): Codec {
  const type = isThunk(given) ? given() : given;
  if (Array.isArray(type) && type.length === 1) return arrayCodec(codecOf(type[0], embedded));
  const codec = CODECS.get(type) ?? (isClass(type) ? embedded(type) : undefined);
  if (codec) return codec;
  throw new TypeFault(
    type === undefined
      ? 'names a type that is undefined: probably a circular import; name it as () => Class'
      : 'names a type that is neither supported nor a class with @Property decorators',
  );
}

/** Returns whether a type is an arrow function: these have no prototype, unlike classes, String and BigInt. */
function isThunk(type: unknown): type is () => unknown {
  return typeof type === 'function' && type.prototype === undefined;
}

function isClass(type: unknown): type is new (...args: never[]) => object {
  return typeof type === 'function' && type.prototype !== undefined;
}

/** Returns the codec of an enum, or of an array of its values if the type is an array. */
function ofEnum(values: readonly (string | number)[], given: unknown): Codec {
  const codec = enumCodec(values);
  if (given === undefined) return codec;
  const type = isThunk(given) ? given() : given;
  const [element, isList] =
    Array.isArray(type) && type.length === 1 ? [type[0] as unknown, true] : [type, false];
  if (values.every((value) => Object(value).constructor === element))
    return isList ? arrayCodec(codec) : codec;
  throw new TypeFault(
    'has an enum and a type that differs from that of its values: leave the type out, ' +
      'or use { type: () => [String], enum: Status } for an array of them',
  );
}

function enumValues(given: NonNullable<PropertyOptions['enum']>): (string | number)[] {
  const values = Array.isArray(given)
    ? (given as readonly (string | number)[])
    : valuesOf(given as Readonly<Record<string, string | number>>);
  if (values.length === 0) throw new TypeFault('has an enum without values');
  if (new Set(values.map(String)).size !== new Set(values).size)
    throw new TypeFault('has an enum with two values that have the same text');
  return [...values];
}

/** Returns the values of an enum, without the entries that map numbers back to names in a numeric TypeScript enum. */
const valuesOf = (given: Readonly<Record<string, string | number>>): (string | number)[] =>
  Object.entries(given)
    .filter(([name, value]) => !(typeof given[value] === 'number' && String(given[value]) === name))
    .map(([, value]) => value);
