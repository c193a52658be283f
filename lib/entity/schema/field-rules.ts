import { describeKind } from '../../cluster/common/describe-value.js';
import { suggestionFor } from '../../cluster/common/check-option-names.js';
import { type Codec, whatFits } from '../codec/codec.js';
import type { PropertyMetadata } from '../decorators/metadata.js';
import type { PropertyOptions } from '../decorators/property-type.js';
import type { FieldSchema, FormerField } from './entity-schema.js';
import { buildTtl } from './schema-changes.js';

/** What the options of a property add to its field. */
type FieldRules = Pick<
  FieldSchema,
  'default' | 'required' | 'maxLength' | 'ttlMs' | 'former' | 'keepsFormer'
>;

/**
 * Builds what the options `default`, `required`, `maxLength`, `ttl`, `renamedFrom`, `keepFormer` and `convertFrom` say, and
 * reports faults to `fault`.
 *
 * @param others the properties of the class.
 * @param codecOf returns the codec of a former type.
 */
export function fieldRules(
  { property, options }: PropertyMetadata,
  codec: Codec,
  hasInitializer: boolean,
  others: readonly string[],
  codecOf: (options: PropertyOptions) => Codec | undefined,
  fault: (what: string) => void,
): FieldRules {
  const wrong = (what: string): void => fault(`.${property} ${what}`);
  for (const name of ['required', 'keepFormer'] as const)
    if (!['boolean', 'undefined'].includes(typeof options[name]))
      wrong(`has ${name} with ${describeKind(options[name])}: it must be true or false`);
  return {
    default: defaultOf(options.default, codec, hasInitializer, wrong),
    required: options.required === true || undefined,
    maxLength: maxLengthOf(options.maxLength, codec, wrong),
    ttlMs: ttlOf(options, hasInitializer, wrong),
    ...formerFields(property, options, codec, others, codecOf, wrong),
  };
}

function defaultOf(
  given: unknown,
  codec: Codec,
  hasInitializer: boolean,
  wrong: (what: string) => void,
): (() => unknown) | undefined {
  if (given === undefined) return undefined;
  if (hasInitializer) {
    wrong('has a default and an initializer: keep one of the two');
    return undefined;
  }
  if (typeof given === 'object') {
    wrong(`has a default that is ${describeKind(given)}: give a function that returns a new one, () => …`);
    return undefined;
  }
  if (typeof given === 'function') return given as () => unknown; // called for each row: it may return an object
  try {
    codec.encode(given);
  } catch {
    wrong(`has a default that must be ${whatFits(codec.expects, given)}`);
  }
  return () => given;
}

const MEASURED: ReadonlySet<Codec['form']> = new Set<Codec['form']>(['text', 'bytes', 'json']);

function maxLengthOf(given: unknown, codec: Codec, wrong: (what: string) => void): number | undefined {
  if (given === undefined) return undefined;
  if (!Number.isSafeInteger(given) || (given as number) < 1)
    wrong(`has maxLength: ${String(given)}: it must be a whole number from 1`);
  else if (!MEASURED.has(codec.form))
    wrong(`has maxLength, and ${codec.expects} has no length: strings, Buffers and arrays have one`);
  return given as number;
}

function ttlOf(
  options: PropertyMetadata['options'],
  hasInitializer: boolean,
  wrong: (what: string) => void,
): number | undefined {
  if (options.ttl === undefined) return undefined;
  if (options.required === true)
    wrong('has ttl and required: a row whose value has expired could not be saved');
  if (hasInitializer || options.default !== undefined)
    wrong('has ttl and a default, which would replace the value that has expired: keep one of the two');
  for (const name of ['renamedFrom', 'convertFrom'] as const)
    if (options[name] !== undefined)
      wrong(`has ttl and ${name}: a value in the former field would not expire`);
  return buildTtl(options.ttl, (what) => wrong(what));
}

function formerFields(
  property: string,
  { renamedFrom, keepFormer = false, convertFrom }: PropertyMetadata['options'],
  codec: Codec,
  others: readonly string[],
  codecOf: (options: PropertyOptions) => Codec | undefined,
  wrong: (what: string) => void,
): Pick<FieldSchema, 'former' | 'keepsFormer'> {
  const names = renamedFrom === undefined ? [] : [renamedFrom].flat();
  for (const name of names as unknown[])
    if (typeof name !== 'string' || name === '' || name.startsWith('~'))
      wrong(`has renamedFrom with ${describeKind(name)}: it must be the former name, or a list of them`);
    else if (others.includes(name))
      wrong(
        `has renamedFrom: '${name}', but the class has this property: remove it, or leave renamedFrom out`,
      );
  if (new Set(names).size < names.length) wrong('has renamedFrom with one name twice');
  if (names.length === 0 && renamedFrom !== undefined) wrong('has renamedFrom with an empty list');
  if (keepFormer && names.length === 0) wrong('has keepFormer without renamedFrom');
  if (keepFormer && convertFrom)
    wrong('has keepFormer and convertFrom: a value is converted in one direction only');
  if (!convertFrom)
    return names.length > 0
      ? {
          former: names.map((name): FormerField => ({ name, codec, convert: (value) => value })),
          keepsFormer: keepFormer,
        }
      : {};
  const former = formerType(property, convertFrom, codecOf, wrong);
  if (!former) return {};
  if (names.length === 0 && former.codec.form === codec.form)
    wrong(
      `has convertFrom with a type that is stored like its own, as ${codec.form}: give it another name, with renamedFrom ` +
        'and convertFrom',
    );
  return {
    former: names.length > 0 ? names.map((name) => ({ ...former, name })) : [former],
    keepsFormer: false,
  };
}

const CONVERT_OPTIONS = ['type', 'enum', 'transformer', 'convert'];

function formerType(
  property: string,
  given: unknown,
  codecOf: (options: PropertyOptions) => Codec | undefined,
  wrong: (what: string) => void,
): FormerField | undefined {
  const example = ', such as { type: String, convert: (text: string) => Number(text) }';
  if (typeof given !== 'object' || given === null) {
    wrong(`has convertFrom with ${describeKind(given)}: it must be an object${example}`);
    return undefined;
  }
  const { convert, ...options } = given as PropertyOptions & { convert?: unknown };
  const unknown = Object.keys(given).find((name) => !CONVERT_OPTIONS.includes(name));
  if (unknown !== undefined)
    wrong(
      `has the unknown option ${unknown} of convertFrom${suggestionFor(unknown, CONVERT_OPTIONS)}; known are ` +
        CONVERT_OPTIONS.join(', '),
    );
  if (typeof convert !== 'function') {
    wrong(`has convertFrom without convert, a function${example}`);
    return undefined;
  }
  const codec = codecOf(options);
  return codec && { name: property, codec, convert: convert as (value: unknown) => unknown };
}

/** Returns how long values live, by their properties; undefined if none expires by itself. */
export function lifetimesOf(fields: readonly FieldSchema[]): ReadonlyMap<string, number> | undefined {
  const found = fields.flatMap(({ property, ttlMs }) =>
    ttlMs === undefined ? [] : [[property, ttlMs] as const],
  );
  return found.length > 0 ? new Map(found) : undefined;
}

/** Returns the option `dropped` of `@ClusterEntity`. */
export function droppedOf(given: unknown = [], fault: (what: string) => void): readonly string[] {
  if (Array.isArray(given) && given.every((name) => typeof name === 'string')) return given;
  fault("has the option dropped, which must be a list of former properties, such as ['title']");
  return [];
}
