import { checkFlag, checkWhole } from '../common/argument-checks.js';
import { countersOf } from '../common/entity-client.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { PlanOptions } from '../planning/query-plan.js';
import { type Direction, opposite } from '../planning/query-order.js';
import type { SchemaRecords } from '../records/schema-records.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { type RowContext, loadRows } from '../rows/row-reader.js';
import { type EntityQuery, type ExactIndex, queryOf } from './entity-query.js';
import { countExpired, dueRows } from './expiry-queue.js';
import { type FindByOptions, MAX_PAGE_LIMIT, type Page, type PageOptions } from './query-options.js';
import { cursorOf, directionOf, readCursor } from './page-cursor.js';
import { type FoundRow, type QueryCut, QueryRows } from './query-rows.js';

/** The default size of a page. */
export const DEFAULT_PAGE_LIMIT = 100;

/** How many rows are read per batch when all are wanted. */
const BATCH = 500;

/** The smallest batch after one without a match, for example one of expired rows that wait to be swept. */
const BATCH_AFTER_NO_MATCH = 50;

/** The parts that a finder reads with. */
export interface FinderContext extends RowContext {
  readonly records: SchemaRecords;
}

/** Reads rows by their keys: their entities in the same order, null for a missing row. */
export type RowsReader = (context: RowContext, keys: readonly EntityKey[]) => Promise<(object | null)[]>;

/** A row that matches, with its entity. */
interface Match<E> {
  readonly row: FoundRow;
  readonly entity: E;
}

/** Runs queries: reads keys from the index, then the rows, and checks each row against the query again. */
export class EntityFinder<E extends object> {
  constructor(
    private readonly context: FinderContext,
    private readonly mapper: RowMapper,
    private readonly readRows: RowsReader = (parts, keys) => loadRows(parts, mapper, keys),
  ) {}

  /** Returns the entities with these keys, null for missing rows. */
  async rows(keys: readonly EntityKey[]): Promise<(E | null)[]> {
    return (await this.readRows(this.context, keys)) as (E | null)[];
  }

  async findBy(where: object, options: FindByOptions = {}): Promise<E[]> {
    const { limit = Number.MAX_SAFE_INTEGER, offset = 0 } = options;
    checkWhole('limit', limit, 1);
    checkWhole('offset', offset, 0);
    const found: E[] = [];
    let skipped = 0;
    const query = await this.ready(where, options);
    for await (const batch of this.allOf(query, Math.min(BATCH, offset + limit))) {
      const from = Math.min(batch.length, offset - skipped);
      skipped += from;
      for (const entity of batch.slice(from, from + limit - found.length)) found.push(entity);
      if (found.length >= limit) break;
    }
    return found;
  }

  async findOneBy(where: object, options: PlanOptions = {}): Promise<E | null> {
    const query = await this.ready(where, options);
    const [[first]] = await this.matches(query, 1, query.direction);
    return first?.entity ?? null;
  }

  async findPage(where: object, options: PageOptions = {}): Promise<Page<E>> {
    const { limit = DEFAULT_PAGE_LIMIT, cursor, total } = options;
    checkWhole('limit', limit, 1, MAX_PAGE_LIMIT);
    checkFlag('total', total);
    const query = this.query(where, options);
    const start = readCursor(query, cursor);
    await this.checkReady(query);
    const direction = directionOf(start, query);
    // Entries show whether there is another page only if they all match.
    const wanted = query.isCovered ? limit : limit + 1;
    const [[found, isCut], count] = await Promise.all([
      this.matches(query, wanted, direction, start.from),
      total ? this.count(query) : undefined,
    ]);
    const hasMore = query.isCovered ? isCut : found.splice(limit).length > 0;
    if (start.side === 'previous') found.reverse();
    // The side that the page was read from has rows, unless they were deleted meanwhile.
    const hasNext = start.side === 'previous' || hasMore;
    const hasPrevious = start.side === 'previous' ? hasMore : start.from !== undefined;
    const last = edgeOf(query, found.at(-1), query.direction) ?? start.from;
    const first = edgeOf(query, found.at(0), opposite(query.direction)) ?? start.from;
    const next = hasNext && last ? cursorOf('next', query, last) : undefined;
    return {
      items: found.map(({ entity }) => entity),
      ...(next !== undefined && { cursor: next, next }),
      ...(hasPrevious && first && { previous: cursorOf('previous', query, first) }),
      ...(count !== undefined && { total: count }),
    };
  }

  async countBy(where: object, options: PlanOptions = {}): Promise<number> {
    return this.count(await this.ready(where, options));
  }

  /** Yields all entities that match, in batches. */
  async *batches(where: object, options: PlanOptions, size: number): AsyncGenerator<E[]> {
    yield* this.allOf(await this.ready(where, options), size);
  }

  private async *allOf(query: EntityQuery, size: number): AsyncGenerator<E[]> {
    let from: QueryCut | undefined;
    for (let hasMore = true; hasMore;) {
      const [found, isCut] = await this.matches(query, size, query.direction, from);
      yield found.map(({ entity }) => entity);
      hasMore = isCut;
      from = edgeOf(query, found.at(-1), query.direction);
    }
  }

  private async count(query: EntityQuery): Promise<number> {
    if (query.exact) return this.countEntries(query.exact);
    // The rows themselves, for indexes that may have stale entries, or entries of several conditions.
    let count = 0;
    for await (const batch of this.allOf(query, BATCH)) count += batch.length;
    return count;
  }

  private async countEntries({ tag, reader }: ExactIndex): Promise<number> {
    const due = dueRows(this.context.client, this.mapper.schema, tag);
    const [all, waiting] = await Promise.all([reader.count(), due.count()]);
    return waiting === 0
      ? all
      : all - (await countExpired(this.context.client, this.mapper.schema, tag, reader, due));
  }

  /** Returns the next rows that match, at most `limit`, and whether there may be more. */
  private async matches(
    query: EntityQuery,
    limit: number,
    direction: Direction,
    from?: QueryCut,
  ): Promise<[matches: Match<E>[], hasMore: boolean]> {
    const rows = new QueryRows(query);
    const matches: Match<E>[] = [];
    const given = new Set<string>(); // a row may have moved in the index, or have stale entries
    let cut = from;
    for (let size = limit; ;) {
      // One more than wanted shows whether this is the last page.
      const read = await rows.read(size + 1, direction, cut);
      const wanted = read.slice(0, size);
      const entities = await this.rows(wanted.map(({ key }) => key));
      let matched = 0;
      for (let i = 0; i < entities.length; i++) {
        const row = wanted[i];
        const entity = entities[i];
        // The row may have changed since the index was read.
        if (!entity || !rows.fits(row, entity) || given.has(row.key.row)) continue;
        matched++;
        given.add(row.key.row);
        matches.push({ row, entity });
        if (matches.length === limit) return [matches, i < read.length - 1];
      }
      if (read.length === wanted.length) return [matches, false];
      cut = edgeOf(query, { row: wanted.at(-1)! }, direction);
      const missing = limit - matches.length;
      size = matched > 0 ? missing : Math.max(missing, Math.min(BATCH, 2 * size), BATCH_AFTER_NO_MATCH);
    }
  }

  private async ready(where: object, options: PlanOptions): Promise<EntityQuery> {
    const query = this.query(where, options);
    await this.checkReady(query);
    return query;
  }

  private async checkReady({ sources }: EntityQuery): Promise<void> {
    for (const name of new Set(sources.map((source) => source.name)))
      if (name !== undefined) await this.context.records.assertReady(this.mapper.schema, name);
  }

  private query(where: object, options: PlanOptions): EntityQuery {
    countersOf(this.context.client).operations.add('query');
    return queryOf(this.context.client, this.mapper.schema, where, options);
  }
}

/** Returns the place beyond a row, in a direction. */
function edgeOf(
  query: EntityQuery,
  match: { readonly row: FoundRow } | undefined,
  direction: Direction,
): QueryCut | undefined {
  const rows = new QueryRows(query);
  return match && (direction === 'asc' ? rows.after(match.row) : rows.before(match.row));
}
