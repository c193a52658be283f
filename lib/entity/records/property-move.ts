import type { Codec } from '../codec/codec.js';
import type { EntitySchema } from '../schema/entity-schema.js';

/** A property that older versions stored under another name, or in another form. */
export interface Move {
  /** The name of the move in schema records. The names of indexes never contain `<`. */
  readonly name: string;
  readonly to: string;
  /** The former name; the same if only the form has changed. */
  readonly from: string;
  /** The form under the former name. */
  readonly form: string;
}

/** The forms of values, in contrast to those of keys, counters and collections. */
export const FORMS: ReadonlySet<string> = new Set<Codec['form']>([
  'text',
  'number',
  'bigint',
  'boolean',
  'date',
  'bytes',
  'json',
]);

const SEPARATOR = '<';

/** Whether an entry among the indexes that are being built is a move. */
export const isMove = (name: string): boolean => name.includes(SEPARATOR);

/** Returns the moves that the options `renamedFrom` and `convertFrom` declare. */
export const movesOf = ({ fields }: EntitySchema): Move[] =>
  fields.flatMap(({ property, former = [] }) =>
    former.map(({ name: from, codec }) => ({
      name: [property, from].map(encodeURIComponent).join(SEPARATOR),
      to: property,
      from,
      form: codec.form,
    })),
  );

/** Returns the present and the former name in the name of a move. */
export const placesOf = (name: string): string[] => name.split(SEPARATOR).map(decodeURIComponent);
