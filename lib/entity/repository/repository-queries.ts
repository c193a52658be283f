import type { Observable } from 'rxjs';
import { RepositoryNotReadyError } from '../common/entity-errors.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import type { EntityClass } from '../decorators/shape.js';
import type { ScanWhere, Where } from '../planning/where.js';
import { EntityFinder, type RowsReader } from '../query/entity-finder.js';
import { type DeletedRows, loadRows } from '../rows/row-reader.js';
import { type StreamOptions, observeEntities, streamEntities } from '../query/entity-stream.js';
import type { FindByOptions, OrderOptions, Page, PageOptions } from '../query/query-options.js';
import type { Found, SelectOptions, SelectableNames } from '../decorators/selected.js';
import { traceIteration } from './traced-operations.js';
import { Selection } from '../selection/selection.js';
import { PARTS, RECEIVE_PARTS, type RepositoryParts } from './repository-parts.js';

/** Allows conditions that no index covers. */
interface Scan {
  scan: true;
}

/** The reads of a repository by query, and of all rows. */
export abstract class RepositoryQueries<E extends object> {
  #parts?: RepositoryParts & { readonly finder: EntityFinder<E> };

  /** @internal Receives the parts as a function, so that nothing makes them for an object that a test replaces. */
  set [RECEIVE_PARTS](partsOf: () => RepositoryParts) {
    const parts = partsOf();
    this.#parts = { ...parts, finder: new EntityFinder(parts.context, parts.mapper) };
  }

  /** @internal */
  get [PARTS](): RepositoryParts & { readonly finder: EntityFinder<E> } {
    if (this.#parts) return this.#parts;
    throw new RepositoryNotReadyError(this.constructor.name);
  }

  /** The entity class. */
  get type(): EntityClass<E> {
    return this[PARTS].mapper.schema.type as EntityClass<E>;
  }

  /** Finds entities by any conditions, and reads as many rows of the partition as that takes. */
  findBy<const Name extends SelectableNames<E> = never>(
    where: ScanWhere<E>,
    options: FindByOptions<E> & SelectOptions<Name> & Scan,
  ): Promise<Found<E, NoInfer<Name>>[]>;
  /**
   * Returns the entities that match a query, in the order of the index, then of their ids. The query includes the
   * partition key, and conditions on indexed properties. With the partition key alone it returns the whole partition.
   *
   * ```ts
   * await tasks.findBy({ projectId, or: [{ owner: 'ada' }, { state: 'open' }] }, { order: { due: 'desc' }, limit: 20 });
   * ```
   *
   * @throws UnindexedQueryError if no index or unique constraint covers the query and gives its order.
   */
  findBy<const Name extends SelectableNames<E> = never>(
    where: Where<E>,
    options?: FindByOptions<E> & SelectOptions<Name>,
  ): Promise<Found<E, NoInfer<Name>>[]>;
  async findBy<const Name extends SelectableNames<E> = never>(
    where: object,
    options: FindByOptions<E> & SelectOptions<Name> = {},
  ): Promise<Found<E, NoInfer<Name>>[]> {
    checkEntityOptions('findBy()', options);
    const { finder, pick } = this.reads(options, where);
    return (await finder.findBy(where, options as FindByOptions)).map(pick);
  }

  /** Finds the first entity by any conditions, and reads as many rows of the partition as that takes. */
  findOneBy<const Name extends SelectableNames<E> = never>(
    where: ScanWhere<E>,
    options: OrderOptions<E> & SelectOptions<Name> & Scan,
  ): Promise<Found<E, NoInfer<Name>> | null>;
  /** Returns the first entity that matches a query, or null. */
  findOneBy<const Name extends SelectableNames<E> = never>(
    where: Where<E>,
    options?: OrderOptions<E> & SelectOptions<Name>,
  ): Promise<Found<E, NoInfer<Name>> | null>;
  async findOneBy<const Name extends SelectableNames<E> = never>(
    where: object,
    options: OrderOptions<E> & SelectOptions<Name> = {},
  ): Promise<Found<E, NoInfer<Name>> | null> {
    checkEntityOptions('findOneBy()', options);
    const { finder, pick } = this.reads(options, where);
    const read = await finder.findOneBy(where, options);
    return read && pick(read);
  }

  /** Returns a page of what a query with any conditions finds. */
  findPage<const Name extends SelectableNames<E> = never>(
    where: ScanWhere<E>,
    options: PageOptions<E> & SelectOptions<Name> & Scan,
  ): Promise<Page<Found<E, NoInfer<Name>>>>;
  /**
   * Returns one page of what `findBy` finds: `items`, and cursors for the `next` and the `previous` page where there is
   * one. A page has 100 entities by default, at most 1,000. Pages are stable under concurrent writes: a row that exists
   * throughout is on exactly one page.
   *
   * ```ts
   * const { items, next } = await orderItems.findPage({ orderId }, { limit: 20, order: 'desc' });
   * ```
   */
  findPage<const Name extends SelectableNames<E> = never>(
    where: Where<E>,
    options?: PageOptions<E> & SelectOptions<Name>,
  ): Promise<Page<Found<E, NoInfer<Name>>>>;
  async findPage<const Name extends SelectableNames<E> = never>(
    where: object,
    options: PageOptions<E> & SelectOptions<Name> = {},
  ): Promise<Page<Found<E, NoInfer<Name>>>> {
    checkEntityOptions('findPage()', options);
    const { finder, pick } = this.reads(options, where);
    const page = await finder.findPage(where, options as PageOptions);
    return { ...page, items: page.items.map(pick) };
  }

  /** Counts the rows that meet any conditions: it reads as many rows of the partition as that takes. */
  countBy(where: ScanWhere<E>, options: Scan): Promise<number>;
  /** Returns how many entities match a query. It reads the index alone if one index covers the query. */
  countBy(where: Where<E>, options?: Pick<OrderOptions, 'scan'>): Promise<number>;
  async countBy(where: object, options: Pick<OrderOptions, 'scan'> = {}): Promise<number> {
    checkEntityOptions('countBy()', options);
    return this[PARTS].finder.countBy(where, options);
  }

  /** Iterates over what a query with any conditions finds. */
  stream<const Name extends SelectableNames<E> = never>(
    where: ScanWhere<E>,
    options: StreamOptions<E> & SelectOptions<Name> & Scan,
  ): AsyncGenerator<Found<E, NoInfer<Name>>, void, undefined>;
  /**
   * Iterates over the entities that match a query, or over all entities of the cluster in no particular order. It reads
   * batches on demand, so any number of entities fits into memory. `break` ends it.
   *
   * Every row that exists throughout is returned. Without a query, a row can be returned twice while slots move or the
   * server resizes its tables.
   *
   * ```ts
   * for await (const order of orders.stream()) await archive(order);
   * ```
   */
  stream<const Name extends SelectableNames<E> = never>(
    where?: Where<E>,
    options?: StreamOptions<E> & SelectOptions<Name>,
  ): AsyncGenerator<Found<E, NoInfer<Name>>, void, undefined>;
  stream<const Name extends SelectableNames<E> = never>(
    where?: object,
    options?: StreamOptions<E> & SelectOptions<Name>,
  ): AsyncGenerator<Found<E, NoInfer<Name>>, void, undefined> {
    return this.iterate(where, options);
  }

  /** Emits what a query with any conditions finds. */
  observe<const Name extends SelectableNames<E> = never>(
    where: ScanWhere<E>,
    options: StreamOptions<E> & SelectOptions<Name> & Scan,
  ): Observable<Found<E, NoInfer<Name>>>;
  /**
   * Returns the same entities as an Observable. Each subscription reads on its own until it is unsubscribed. There is
   * no backpressure: if processing an entity takes longer than reading it, use `stream`.
   */
  observe<const Name extends SelectableNames<E> = never>(
    where?: Where<E>,
    options?: StreamOptions<E> & SelectOptions<Name>,
  ): Observable<Found<E, NoInfer<Name>>>;
  observe<const Name extends SelectableNames<E> = never>(
    where?: object,
    options?: StreamOptions<E> & SelectOptions<Name>,
  ): Observable<Found<E, NoInfer<Name>>> {
    const iterate = () => this.iterate(where, options);
    return observeEntities(() => traceIteration(this[PARTS].mapper.schema.name, 'observe', iterate, true));
  }

  private async *iterate<Name extends SelectableNames<E>>(
    where?: object,
    options: StreamOptions<E> & SelectOptions<Name> = {},
  ): AsyncGenerator<Found<E, NoInfer<Name>>, void, undefined> {
    checkEntityOptions('a stream of entities', options);
    const { finder, pick } = this.reads(options, where);
    const { context, mapper } = this[PARTS];
    for await (const read of streamEntities(context, mapper, finder, where, options)) yield pick(read);
  }

  /** @internal Returns what a call reads with, and what turns its rows into results. */
  protected reads<Name extends keyof E>(
    { select }: SelectOptions<Name>,
    where?: object,
    deleted?: DeletedRows,
  ): { finder: EntityFinder<E>; pick: (read: E) => Found<E, NoInfer<Name>> } {
    const { context, mapper, finder } = this[PARTS];
    if (select === undefined) {
      const pick = (entity: E) => entity as Found<E, NoInfer<Name>>;
      if (deleted !== 'included') return { finder, pick };
      const read: RowsReader = (parts, keys) => loadRows(parts, mapper, keys, deleted);
      return { finder: new EntityFinder<E>(context, mapper, read), pick };
    }
    const selection = Selection.of(mapper.schema, select);
    return {
      finder: new EntityFinder<E>(context, mapper, selection.reader(where, deleted)),
      pick: (read) => selection.pick(read) as Found<E, NoInfer<Name>>,
    };
  }
}
