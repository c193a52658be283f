import { InvalidArgumentError } from '../cluster/errors.js';
import type { EntityContext } from './entity-context.js';
import { type EntityQuery, type FoundRow, queryOf } from './entity-query.js';
import { dueRows } from './expiry-queue.js';
import { type IndexReader, idTextOf } from './index-reader.js';
import type { RowMapper } from './row-mapper.js';
import { loadRows } from './row-reader.js';

/** Some of the entities that a where finds. */
export interface Page<E> {
  readonly items: E[];
  /** Where the next page begins; absent at the end. */
  readonly cursor?: string | undefined;
}

/** The most entities of a page. */
export const MAX_PAGE_LIMIT = 1_000;

/** Rows that are fetched at once where all are wanted. */
const BATCH = 500;

/** Answers wheres: keys from the index, then the rows, each of which is held against the where again. */
export class EntityFinder<E extends object> {
  constructor(
    private readonly context: EntityContext,
    private readonly mapper: RowMapper,
  ) {}

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

  async findPage(where: object, limit: number, cursor?: string): Promise<Page<E>> {
    checkLimit(limit, MAX_PAGE_LIMIT);
    return this.page(where, limit, cursor);
  }

  async countBy(where: object): Promise<number> {
    const query = this.query(where);
    await this.checkReady(query);
    if (query.lookUp) return (await this.load(await query.lookUp())).length;
    if (query.tag === undefined) return this.countRows(where);
    const due = dueRows(this.context.client, this.mapper.schema, query.tag);
    const [all, expired] = await Promise.all([query.reader.count(), due.count()]);
    return expired === 0 ? all : this.countLiving(query.reader, due);
  }

  /** Where the index may have more than there is, the rows are counted. */
  private async countRows(where: object): Promise<number> {
    let count = 0;
    let page: Page<E> = { items: [], cursor: undefined };
    do {
      page = await this.page(where, BATCH, page.cursor);
      count += page.items.length;
    } while (page.cursor !== undefined);
    return count;
  }

  /** The slower way, where rows are there that have expired and were not swept yet. */
  private async countLiving(reader: IndexReader, due: IndexReader): Promise<number> {
    const expired = new Set<string>();
    for await (const entry of due.all()) expired.add(idTextOf(entry));
    let count = 0;
    for await (const entry of reader.all()) if (!expired.has(idTextOf(entry))) count++;
    return count;
  }

  private async page(where: object, limit: number, cursor?: string): Promise<Page<E>> {
    const query = this.query(where);
    const { reader, rowOf, lookUp } = query;
    let behind = cursor === undefined ? undefined : reader.entryOf(cursor);
    await this.checkReady(query);
    if (lookUp) return { items: (await this.load(await lookUp())).slice(0, limit) };
    const items: E[] = [];
    for (;;) {
      // One more than is wanted tells whether this is the end.
      const entries = await reader.entries(behind, limit - items.length + 1);
      const wanted = entries.slice(0, limit - items.length);
      items.push(...(await this.load(wanted.map(rowOf))));
      behind = wanted.at(-1);
      if (entries.length === wanted.length) return { items };
      if (items.length === limit) return { items, cursor: reader.cursorBehind(behind!) };
    }
  }

  /** Rows come and go and change between the index and here: those that do not meet the where are left out. */
  private async load(rows: readonly FoundRow[]): Promise<E[]> {
    const keys = rows.map(({ key }) => key);
    const entities = await loadRows(this.context, this.mapper, keys);
    return entities.filter((entity, i): entity is E => entity !== null && rows[i].fits(entity));
  }

  private async checkReady({ name }: EntityQuery): Promise<void> {
    if (name !== undefined) await this.context.records.assertReady(this.mapper.schema, name);
  }

  private query(where: object): EntityQuery {
    return queryOf(this.context.client, this.mapper.schema, where);
  }
}

function checkLimit(limit: number, most: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > most)
    throw new InvalidArgumentError('limit', `limit must be a whole number from 1 to ${most}`);
}
