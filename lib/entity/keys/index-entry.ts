/** A range of an index: encodings, each with its separator, from `from` up to but not including `to`. */
export interface Span {
  readonly from: Buffer;
  readonly to: Buffer;
}
/** The prefixes of ZRANGEBYLEX for an inclusive and an exclusive bound. */
export const CLOSED = Buffer.from('[');
export const OPEN = Buffer.from('(');
/** Returns the id at the end of an entry, as in keys. */
export const idTextOf = (entry: string): string => entry.slice(entry.lastIndexOf('\0') + 1);
