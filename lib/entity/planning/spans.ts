import type { Span } from '../keys/index-entry.js';
import { ABSENT } from '../keys/stored-names.js';

// An encoding is followed by a zero byte, which no encoding contains. Entries of longer or greater encodings have a
// byte of 1 or more in its place, so they sort after it. UTF-8 never contains the byte 255.

/** The span of all encodings. */
export const EVERYTHING: Span = { from: Buffer.alloc(0), to: Buffer.from([0xff]) };

/** Returns the place before the entries of an encoding, and the one after them. */
export const before = (encoding: string): Buffer => Buffer.from(`${encoding}\0`);
export const after = (encoding: string): Buffer => Buffer.from(`${encoding}\x01`);

/** Returns the span of one encoding. */
export const valueSpan = (encoding: string): Span => ({ from: before(encoding), to: after(encoding) });

/** The span of rows without a value, in an index that has them. */
export const ABSENT_SPAN: Span = valueSpan(ABSENT);

/** Returns the encoding of a span of one encoding. */
export const encodingOfSpan = ({ from }: Span): string => from.toString('utf8', 0, from.length - 1);

/** Returns spans in order. */
export const sorted = (spans: Span[]): Span[] => spans.sort((a, b) => Buffer.compare(a.from, b.from));

/** Returns what two lists of spans share. Both lists are in order and without overlaps, and so is the result. */
export function intersection(some: readonly Span[], others: readonly Span[]): Span[] {
  const shared: Span[] = [];
  for (const a of some)
    for (const b of others) {
      const from = Buffer.compare(a.from, b.from) < 0 ? b.from : a.from;
      const to = Buffer.compare(a.to, b.to) < 0 ? a.to : b.to;
      if (Buffer.compare(from, to) < 0) shared.push({ from, to });
    }
  return shared;
}

/** Returns what spans leave out. They are in order and without overlaps. */
export function complement(spans: readonly Span[]): Span[] {
  const ends = [EVERYTHING.from, ...spans.flatMap(({ from, to }) => [from, to]), EVERYTHING.to];
  const gaps: Span[] = [];
  for (let i = 0; i < ends.length; i += 2)
    if (Buffer.compare(ends[i], ends[i + 1]) < 0) gaps.push({ from: ends[i], to: ends[i + 1] });
  return gaps;
}

/** Returns whether a place is in one of the spans. */
export const isWithin = (spans: readonly Span[], place: Buffer): boolean =>
  spans.some(({ from, to }) => Buffer.compare(from, place) <= 0 && Buffer.compare(place, to) < 0);

/** Returns spans after a prefix. */
export function prefixed(prefix: string, spans: readonly Span[]): Span[] {
  const beginning = Buffer.from(prefix);
  return spans.map(({ from, to }) => ({
    from: Buffer.concat([beginning, from]),
    to: Buffer.concat([beginning, to]),
  }));
}
