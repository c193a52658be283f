import type { Order } from '../planning/where.js';

/** Options of a query. */
export interface OrderOptions<E = object> {
  /**
   * Reads one partition row by row where no index covers the query: conditions that the best index does not cover are
   * checked after each row was read, in batches. It takes time in proportion to the rows that this index finds.
   */
  scan?: boolean | undefined;
  /**
   * The order of the results: `'asc'`, the default, or `'desc'` in the order of the index that the query uses, or the
   * properties that an index sorts by. Rows without a value of these properties are left out, unless the index has
   * `nulls`.
   */
  order?: Order<E> | undefined;
}

/** Options of `findBy`. */
export interface FindByOptions<E = object> extends OrderOptions<E> {
  /** The maximum number of entities; by default all. */
  limit?: number | undefined;
  /**
   * How many entities to leave out at the beginning. They are read and dropped, so page through long results with
   * `findPage`.
   */
  offset?: number | undefined;
}

/** Options of `findPage`. */
export interface PageOptions<E = object> extends OrderOptions<E> {
  /** The page size: 100 by default, at most 1,000. */
  limit?: number | undefined;
  /** The cursor of another page: its `next` or its `previous`. Without it, the first page is read. */
  cursor?: string | undefined;
  /** Counts all entities that match, as `countBy` does. */
  total?: boolean | undefined;
}

/** One page of the entities that a query finds. */
export interface Page<E> {
  readonly items: E[];
  /** The same as `next`. */
  readonly cursor?: string | undefined;
  /** The cursor of the next page; absent on the last one. */
  readonly next?: string | undefined;
  /** The cursor of the page before; absent on the first one. */
  readonly previous?: string | undefined;
  /** How many entities match, if the call asked for it. */
  readonly total?: number | undefined;
}

/** The largest page. */
export const MAX_PAGE_LIMIT = 1_000;
