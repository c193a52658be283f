import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { Codec } from '../codec/codec.js';
import { orderText } from '../codec/order-encoding.js';
import { stringCodec } from '../codec/scalar-codecs.js';
import type { FieldSchema, IndexForm, IndexedField } from './entity-schema.js';

/** What `indexedAs` has returned: each query asks for the same fields again. */
const known = new WeakMap<FieldSchema, Map<IndexForm, IndexedField | undefined>>();

/** Returns a field in the form in which an index has it; undefined if its values have no order in this form. */
export function indexedAs(field: FieldSchema, form: IndexForm): IndexedField | undefined {
  let forms = known.get(field);
  if (forms === undefined) known.set(field, (forms = new Map()));
  if (!forms.has(form)) forms.set(form, buildIndexed(field, form));
  return forms.get(form);
}

function buildIndexed(
  { property, codec, hasDefault, former }: FieldSchema,
  form: IndexForm,
): IndexedField | undefined {
  const isText = codec === stringCodec;
  const base = { property, hasDefault, former, form, isText };
  if (form === 'plain') {
    const { order } = codec;
    if (!order) return undefined;
    return { ...base, codec: { ...codec, order }, encodings: (value) => [order(value)] };
  }
  if (form === 'folded') {
    if (!isText) return undefined;
    const order = (value: unknown): string => orderText(folded(codec.order!(value)));
    return {
      ...base,
      codec: { ...codec, order, orderForm: 'ignoring case' },
      encodings: (value) => [order(value)],
    };
  }
  return elementsOf(base, codec);
}

/** Returns a field of which only its absence is known, for values without an order. */
export const presenceOf = ({ property, codec, hasDefault, former }: FieldSchema): IndexedField => ({
  property,
  hasDefault,
  former,
  form: 'plain',
  isText: false,
  codec: { ...codec, order: () => '' },
  encodings: () => [''],
});

/** How many entries a row may have in an index of elements. */
const MAX_ELEMENTS = 1_000;

function elementsOf(
  base: Pick<IndexedField, 'property' | 'hasDefault' | 'former' | 'form' | 'isText'>,
  codec: Codec,
): IndexedField | undefined {
  const order = codec.element?.order;
  if (!order) return undefined;
  const encodings = (value: unknown): string[] => {
    const items = (value as unknown[]).filter((item) => item !== null && item !== undefined);
    const different = [...new Set(items.map((item) => order(item)))].sort();
    if (different.length <= MAX_ELEMENTS) return different;
    throw new InvalidArgumentError(
      base.property,
      `${base.property} has ${different.length} different elements; an index of elements accepts ${MAX_ELEMENTS}`,
    );
  };
  return {
    ...base,
    element: { ...codec.element!, order },
    codec: {
      ...codec,
      order: (value) =>
        encodings(value)
          .map((encoding) => `${encoding}\0`)
          .join(''),
      orderForm: 'elements',
    },
    encodings,
  };
}

/**
 * Returns text in one case. Each character is converted on its own, so that the beginning of a text gives the
 * beginning of the result: the lower case of a Greek sigma depends on what follows it.
 */
export function folded(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  let result = '';
  for (const character of text) result += character.toUpperCase().toLowerCase();
  return result;
}

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;
