import { countersOf } from '../common/entity-client.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { SchemaRecords } from '../records/schema-records.js';
import { type EntityQuery, type ExactIndex, type FoundRow, queryOf } from './entity-query.js';
import { countExpired, dueRows } from './expiry-queue.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { type RowContext, loadRows } from '../rows/row-reader.js';

/** One page of the entities that a query finds. */
export interface Page<E> {
  readonly items: E[];
  /** Pass it to the next call; absent on the last page. */
  readonly cursor?: string | undefined;
}

/** Options of `findPage`. */
export interface PageOptions {
  /** The page size: 100 by default, at most 1,000. */
  limit?: number | undefined;
  /** The cursor of the previous page. Without it, the first page is read. */
  cursor?: string | undefined;
}

/** The largest page. */
export const MAX_PAGE_LIMIT = 1_000;

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
type RowsReader = (context: RowContext, keys: readonly EntityKey[]) => Promise<(object | null)[]>;

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

  async findBy(where: object, limit = Number.MAX_SAFE_INTEGER): Promise<E[]> {
    checkLimit(limit, Number.MAX_SAFE_INTEGER);
    const found: E[] = [];
    let page: Page<E> = { items: [], cursor: undefined };
    do {
      page = await this.page(where, Math.min(BATCH, limit - found.length), page.cursor);
      found.push(...page.items);
    } while (page.cursor !== undefined && found.length < limit);
    return found;
  }

  async findOneBy(where: object): Promise<E | null> {
    return (await this.page(where, 1)).items[0] ?? null;
  }

  async findPage(where: object, limit = DEFAULT_PAGE_LIMIT, cursor?: string): Promise<Page<E>> {
    checkLimit(limit, MAX_PAGE_LIMIT);
    return this.page(where, limit, cursor);
  }

  async countBy(where: object): Promise<number> {
    const query = this.query(where);
    await this.checkReady(query);
    return query.exact ? this.countEntries(query.exact) : this.countRows(where);
  }

  /** Counts the rows themselves, for an index that may have stale entries. */
  private async countRows(where: object): Promise<number> {
    let count = 0;
    let page: Page<E> = { items: [], cursor: undefined };
    do {
      page = await this.page(where, BATCH, page.cursor);
      count += page.items.length;
    } while (page.cursor !== undefined);
    return count;
  }

  private async countEntries({ tag, reader }: ExactIndex): Promise<number> {
    const due = dueRows(this.context.client, this.mapper.schema, tag);
    const [all, waiting] = await Promise.all([reader.count(), due.count()]);
    return waiting === 0
      ? all
      : all - (await countExpired(this.context.client, this.mapper.schema, tag, reader, due));
  }

  private async page(where: object, limit: number, cursor?: string): Promise<Page<E>> {
    const query = this.query(where);
    const { reader, rowOf } = query;
    let after = cursor === undefined ? undefined : reader.entryOf(cursor);
    await this.checkReady(query);
    const items: E[] = [];
    const given = new Set<string>(); // a row may have moved in the index, or have stale entries
    for (let size = limit; ;) {
      // One more than wanted shows whether this is the last page.
      const entries = await reader.entries(after, size + 1);
      const wanted = entries.slice(0, size);
      const rows = wanted.map(rowOf);
      const found = await this.load(rows);
      for (const [i, entity] of found.entries()) {
        const { row } = rows[i].key;
        if (!entity || given.has(row)) continue;
        given.add(row);
        items.push(entity);
        if (items.length < limit) continue;
        const isEnd = i === entries.length - 1;
        return isEnd ? { items } : { items, cursor: reader.cursorAfter(wanted[i]) };
      }
      if (entries.length === wanted.length) return { items };
      after = wanted.at(-1);
      const missing = limit - items.length;
      size = found.some(Boolean)
        ? missing
        : Math.max(missing, Math.min(BATCH, 2 * size), BATCH_AFTER_NO_MATCH);
    }
  }

  /** Loads rows. They may have changed since the index was read: returns null for those that do not match the query. */
  private async load(rows: readonly FoundRow[]): Promise<(E | null)[]> {
    const keys = rows.map(({ key }) => key);
    const entities = await this.rows(keys);
    return entities.map((entity, i) => (entity && rows[i].fits(entity) ? entity : null));
  }

  private async checkReady({ name }: EntityQuery): Promise<void> {
    if (name !== undefined) await this.context.records.assertReady(this.mapper.schema, name);
  }

  private query(where: object): EntityQuery {
    countersOf(this.context.client).operations.add('query');
    return queryOf(this.context.client, this.mapper.schema, where);
  }
}

function checkLimit(limit: number, most: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > most)
    throw new InvalidArgumentError('limit', `limit must be a whole number from 1 to ${most}`);
}
