/** A piece of an index's order: encodings with the separator that ends each, from `from` to before `to`. */
export interface Span {
  readonly from: Buffer;
  readonly to: Buffer;
}
/** What ZRANGEBYLEX has before a bound that belongs to the range, and before one that does not. */
export const CLOSED = Buffer.from('[');
export const OPEN = Buffer.from('(');
/** The id at the end of an entry, as it stands in keys. */
export const idTextOf = (entry: string): string => entry.slice(entry.lastIndexOf('\0') + 1);
