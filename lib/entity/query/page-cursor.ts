import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { type Direction, opposite } from '../planning/query-order.js';
import type { EntityQuery } from './entity-query.js';
import type { QueryCut } from './query-rows.js';

/** From where, and in which direction, a page is read. */
export interface PageStart {
  readonly side: 'next' | 'previous';
  readonly from?: QueryCut;
}

const SIDES = { '>': 'next', '<': 'previous' } as const;
const MARKS = { next: '>', previous: '<' } as const;

/** Returns the direction in which the rows of a page are read. */
export const directionOf = ({ side }: PageStart, { direction }: EntityQuery): Direction =>
  side === 'next' ? direction : opposite(direction);

/** Returns a cursor, opaque to callers: for the page on one side of a place in the results. */
export function cursorOf(
  side: 'next' | 'previous',
  { direction }: EntityQuery,
  { source, cut }: QueryCut,
): string {
  const head = Buffer.from(`${MARKS[side]}${direction}${source}:`);
  return Buffer.concat([head, cut]).toString('base64url');
}

/**
 * Parses a cursor.
 *
 * @throws InvalidArgumentError if it does not belong to this query, or to this order.
 */
export function readCursor(query: EntityQuery, cursor: string | undefined): PageStart {
  if (cursor === undefined) return { side: 'next' };
  const bytes = Buffer.from(String(cursor), 'base64url');
  const [head, mark, direction, number] = /^([<>])(asc|desc)(\d{1,4}):/.exec(bytes.toString('latin1')) ?? [];
  const source = query.sources[Number(number)];
  const cut = bytes.subarray(head?.length);
  if (bytes.toString('base64url') === cursor && direction === query.direction && source?.reader.hasCut(cut))
    return { side: SIDES[mark as keyof typeof SIDES], from: { source: Number(number), cut } };
  throw new InvalidArgumentError('cursor', 'The cursor does not belong to this query');
}
