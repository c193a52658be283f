import { INDEX_LISTS, ROW_FIELDS } from '../keys/stored-names.js';
import { isUtf8 } from 'node:buffer';
import { ReplyError } from '../../cluster/common/errors.js';
import { AUDIT_SCRIPT } from './audit-script.js';
import { entityKeyIn, givenKey, indexKey, uniqueKey } from '../keys/entity-key.js';
import type { MaintenanceContext } from './maintenance-context.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { type IndexExpectation, expectationOf } from '../rows/index-expectation.js';
import { idTextOf } from '../keys/index-entry.js';
import type { Stored } from '../codec/codec.js';
import type { Fields } from '../rows/row-reader.js';
import { type ScriptCall, ScriptCaller } from '../scripts/script-caller.js';
import type { KeyOf } from '../decorators/shape.js';

/** A difference between a row and its entries in indexes and unique constraints. */
export type IndexIssue<E = object> = KeyedIssue<KeyOf<E>>;

/** Typed by the key alone, so that the repository of a subclass is assignable to that of its parent. */
export interface KeyedIssue<Key> {
  /**
   * - `missing`: an entry that the row should have does not exist
   * - `extra`: an entry exists that the row should not have, or whose row does not exist
   * - `wrong`: the encoding in the row differs from the indexed value
   * - `duplicate`: two rows have the same unique value; this row does not hold it
   * - `unreadable`: a stored field does not have its property's type, so the expected entries are unknown
   */
  readonly fault: 'missing' | 'extra' | 'wrong' | 'duplicate' | 'unreadable';
  /** The index or unique constraint; `~pk` for the list of rows, `~x` for the expiry queue, or a property. */
  readonly index: string;
  readonly key: Key;
}

/** Whether faults are only reported, or also repaired. */
export type AuditMode = 'verify' | 'repair';

/** How many rows, or entries, are compared per batch. */
const BATCH = 100;
/** How often a row is read again while others change it. Their writes maintain its entries. */
const ATTEMPTS = 10;

/** How many entries are read per batch. */
const PAGE = 1_000;

/** Entries that were found for one row. */
export interface Suspects {
  /** Bytes if they are not valid UTF-8. */
  readonly index: Stored[];
  readonly uniques: string[];
}

/** Compares the indexes and unique constraints of partitions with the rows in batches, and repairs them on request. */
export class IndexAuditor {
  private readonly scripts: ScriptCaller;

  constructor(
    private readonly context: MaintenanceContext,
    private readonly schema: EntitySchema,
    private readonly mode: AuditMode,
    private readonly spared: ReadonlySet<string> = new Set(),
  ) {
    this.scripts = new ScriptCaller(context.client);
  }

  /** Yields the faults of one partition. Extra entries come first, so that repairs can reuse their values. */
  async *audit(tag: string, ids: readonly string[]): AsyncGenerator<IndexIssue> {
    let batch = new Map<string, Suspects>();
    for await (const [id, kind, entry] of this.entries(tag)) {
      const suspects = batch.get(id) ?? { index: [], uniques: [] };
      if (kind === 'index') suspects.index.push(entry);
      else suspects.uniques.push(entry);
      batch.set(id, suspects);
      if (batch.size < BATCH && suspects[kind].length < BATCH) continue;
      yield* this.issues(tag, batch);
      batch = new Map();
    }
    yield* this.issues(tag, batch);
    for (let from = 0; from < ids.length; from += BATCH)
      yield* this.issues(tag, new Map(ids.slice(from, from + BATCH).map((id) => [id, undefined])));
  }

  /** Deletes extra entries of rows. @returns the ids of the rows that had any. */
  async clear(tag: string, rows: ReadonlyMap<string, Suspects>): Promise<Set<string>> {
    const cleared = new Set<string>();
    const all = [...rows];
    for (let from = 0; from < all.length; from += BATCH)
      for await (const [id] of this.compare(tag, new Map(all.slice(from, from + BATCH)))) cleared.add(id);
    return cleared;
  }

  private async *issues(
    tag: string,
    rows: ReadonlyMap<string, Suspects | undefined>,
  ): AsyncGenerator<IndexIssue> {
    for await (const [id, fault, entry] of this.compare(tag, rows)) {
      const index = indexOf(
        entry.startsWith(ROW_FIELDS.encoding) ? entry.slice(ROW_FIELDS.encoding.length) : entry,
      );
      yield { fault, index, key: givenKey(this.schema, entityKeyIn(this.schema, tag, id)) as never };
    }
  }

  private async *entries(
    tag: string,
  ): AsyncGenerator<
    [id: string, kind: 'index', entry: Stored] | [id: string, kind: 'uniques', entry: string]
  > {
    const { client } = this.context;
    // ZSCAN works even if scores differ, unlike a range by bytes, and returns entries that are not valid UTF-8 as
    // bytes.
    for await (const page of client.elementPages('zscan', indexKey(this.schema, tag), { count: PAGE }))
      for (let i = 0; i < page.length; i += 2) {
        const entry = page[i].toString();
        if (this.spared.has(indexOf(entry))) continue;
        yield [idTextOf(entry), 'index', isUtf8(page[i]) ? entry : page[i]];
      }
    for await (const [entry, id] of client.hscanIterator(uniqueKey(this.schema, tag), { count: BATCH }))
      if (!this.spared.has(indexOf(entry))) yield [id, 'uniques', entry];
  }

  /** @param rows the entries found for each id; undefined to look for the expected entries. */
  private async *compare(
    tag: string,
    rows: ReadonlyMap<string, Suspects | undefined>,
  ): AsyncGenerator<[id: string, fault: IndexIssue['fault'], entry: string]> {
    let left = [...rows.keys()];
    for (let attempt = 1; left.length > 0 && attempt <= ATTEMPTS; attempt++) {
      const expected = await this.read(tag, left);
      const readable = expected.filter(({ unreadable }) => unreadable === undefined);
      for (const { key, unreadable } of expected)
        if (unreadable !== undefined && !rows.get(key.idText)) yield [key.idText, 'unreadable', unreadable];
      const calls = readable.map((row) => this.call(row, rows.get(row.key.idText)));
      const answers = await this.scripts.runMany(calls, 'always');
      left = [];
      for (const [i, answer] of answers.entries()) {
        if (answer instanceof Error) throw answer;
        const [outcome, ...faults] = answer;
        const { idText } = readable[i].key;
        if (outcome === 'CHANGED') left.push(idText);
        for (let at = 0; at < faults.length; at += 2)
          yield [idText, faults[at] as IndexIssue['fault'], faults[at + 1]];
      }
    }
  }

  private async read(tag: string, ids: readonly string[]): Promise<IndexExpectation[]> {
    const pipeline = this.context.client.pipeline();
    for (const id of ids) pipeline.hgetallBuffer(entityKeyIn(this.schema, tag, id).row);
    const rows = (await pipeline.exec()) ?? [];
    return rows.map(([error, row], i) => {
      if (isWrongType(error))
        return { ...expectationOf(this.schema, tag, ids[i], {}), unreadable: INDEX_LISTS.rows };
      if (error) throw error;
      return expectationOf(this.schema, tag, ids[i], row as Fields);
    });
  }

  private call(expected: IndexExpectation, suspects: Suspects | undefined): ScriptCall {
    const { key, version, expiresAt } = expected;
    const notes = suspects
      ? []
      : [...expected.encodings].map(([field, note]) => [field, note === undefined ? '' : `=${note}`]);
    const lists = suspects
      ? [[], [], this.extra(suspects.index, expected.index), this.extra(suspects.uniques, expected.uniques)]
      : [[...expected.index], [...expected.uniques], [], []];
    const args: Stored[] = [this.mode, key.idText, version, expiresAt, String(notes.length), ...notes.flat()];
    for (const list of lists) args.push(String(list.length), ...list);
    const keys = [key.row, indexKey(this.schema, key.tag), uniqueKey(this.schema, key.tag)];
    return { script: AUDIT_SCRIPT, keys, args };
  }

  private extra(found: readonly Stored[], expected: ReadonlySet<string>): Stored[] {
    return found.filter((entry) => typeof entry !== 'string' || !expected.has(entry));
  }
}

/** Returns the name of the index or unique constraint of an entry. */
export const indexOf = (entry: string): string => entry.split('\0', 1)[0];

/** Returns whether another program replaced one of our keys with a key of another type. */
export const isWrongType = (error: unknown): boolean =>
  error instanceof ReplyError && error.code === 'WRONGTYPE';
