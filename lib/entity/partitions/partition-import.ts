import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { splitTag } from '../keys/outbox-key.js';
import { faultError } from '../operations/commit-faults.js';
import { bytesIn } from '../operations/commit-arguments.js';
import { MAX_TRANSACTION_BYTES, MAX_TRANSACTION_ROWS } from '../operations/commit-limits.js';
import type { RowOperation } from '../operations/row-operation.js';
import { ELEMENT_TRANSFERS } from './collection-export.js';
import { type CollectionLine, EXPORT_FORMAT, type HeaderLine, type RowLine } from './export-format.js';
import { collectionCalls, importOperation } from './import-operation.js';
import type { PartitionContext } from './partition-context.js';
import { nowOf } from '../common/entity-client.js';
import { keysOfPartition } from './partition-keys.js';

/** Options of `partition(key).import()`. */
export interface PartitionImportOptions {
  /** Permits lines that were exported from a partition with another key. The owner's row gets the new key. */
  anotherKey?: boolean | undefined;
  /** Ends the import between two commits, with the signal's reason. What was imported stays. */
  signal?: AbortSignal | undefined;
}

/** The result of `partition(key).import()`. */
export interface PartitionImport {
  /** How many rows were imported. */
  readonly rows: number;
  /** How many rows had expired since the export, and were left out. */
  readonly expired: number;
}

/** Inserts the rows of an export into an empty partition. */
export async function importPartition(
  context: PartitionContext,
  tag: string,
  lines: AsyncIterable<string> | Iterable<string>,
  options: PartitionImportOptions = {},
): Promise<PartitionImport> {
  checkEntityOptions('partition.import()', options);
  const source = Object(lines) as object;
  if (typeof lines === 'string' || !(Symbol.asyncIterator in source || Symbol.iterator in source))
    throw new InvalidArgumentError(
      'lines',
      `lines must be an iterable of lines, as export() yields them, got ${describeKind(lines)}`,
    );
  const importer = new Importer(context, tag, options);
  let number = 0;
  for await (const line of lines) {
    number++;
    if (typeof line !== 'string' || line.trim() !== '') await importer.add(line, number);
  }
  return importer.end();
}

class Importer {
  private header?: HeaderLine;
  private isAtEnd = false;
  private rows = 0;
  private expired = 0;
  /** Rows that are not committed yet. */
  private waiting: RowOperation[] = [];
  private bytes = 0;
  /** The row to which lines of collections belong; undefined if it has expired. */
  private last: { readonly entity: string; readonly id: string; operation?: RowOperation } | undefined;

  constructor(
    private readonly context: PartitionContext,
    private readonly tag: string,
    private readonly options: PartitionImportOptions,
  ) {}

  async add(text: string, number: number): Promise<void> {
    const refuse = (why: string): InvalidArgumentError =>
      new InvalidArgumentError('lines', `Line ${number} ${why}`);
    const line = parsed(text);
    if (!line) throw refuse('is not a JSON object, as export() yields it');
    if (this.isAtEnd) throw refuse('comes after the end of the export');
    if (!this.header) return this.begin(line as unknown as HeaderLine, refuse);
    if ('end' in line) {
      const { rows } = Object(line.end) as { rows?: unknown };
      if (rows !== this.rows + this.expired)
        throw refuse(
          `says that there are ${String(rows)} rows, but ${this.rows + this.expired} came: lines are missing`,
        );
      this.isAtEnd = true;
      return undefined;
    }
    return 'collection' in line
      ? this.addElements(line as unknown as CollectionLine, refuse)
      : this.addRow(line as unknown as RowLine, refuse);
  }

  async end(): Promise<PartitionImport> {
    if (!this.isAtEnd)
      throw new InvalidArgumentError(
        'lines',
        'The export was cut off: its last line is missing. delete() the partition, and import the whole export',
      );
    await this.flush();
    return { rows: this.rows, expired: this.expired };
  }

  private async begin(header: HeaderLine, refuse: (why: string) => Error): Promise<void> {
    const { context, tag } = this;
    const [owner, partition] = splitTag(tag);
    if (header.keyslot !== 'partition') throw refuse('is not the first line of an export of a partition');
    if (header.format !== EXPORT_FORMAT)
      throw refuse(`has the format ${String(header.format)}, and this version reads format ${EXPORT_FORMAT}`);
    if (header.owner !== owner)
      throw refuse(
        `is of a partition of ${String(header.owner)}, and cannot be imported into one of ${owner}`,
      );
    if (header.partition !== partition && this.options.anotherKey !== true)
      throw refuse(
        `is of the partition ${String(header.partition)}, not of ${partition}: pass { anotherKey: true } to import it all the same`,
      );
    const known = context.schemas.inPartition(tag).map(({ name }) => name);
    if (!Array.isArray(header.entities)) throw refuse('does not name the entities of the export');
    const missing = header.entities.filter((name) => !known.includes(name));
    if (missing.length > 0) throw refuse(`has rows of ${missing.join(', ')}: register these classes first`);
    const { rows, lists } = await keysOfPartition(context, tag);
    if (lists.length > 0 || [...rows.values()].some((keys) => keys.length > 0))
      throw new InvalidArgumentError(
        'partition',
        `The partition has rows already, and an import overwrites none: delete() it first, or import into another key`,
      );
    this.header = header;
  }

  private async addRow(line: RowLine, refuse: (why: string) => Error): Promise<void> {
    const { entity, id, expiresAt } = line;
    if (expiresAt !== undefined && expiresAt <= nowOf(this.context.client)) {
      this.expired++;
      this.last = { entity, id };
      return;
    }
    const mapper = this.mapperOf(entity, refuse);
    const operation = importOperation(mapper.schema, this.tag, line, this.header!, refuse);
    await this.makeRoom(bytesIn(operation));
    this.last = { entity, id, operation };
    this.waiting.push(operation);
    this.rows++;
  }

  private async addElements(line: CollectionLine, refuse: (why: string) => Error): Promise<void> {
    const { last } = this;
    if (last?.entity !== line.entity || last.id !== line.id)
      throw refuse('has elements of a collection, and does not follow its row');
    if (!last.operation) return;
    const { schema } = last.operation;
    const collection = schema.collections.find(({ property }) => property === line.collection);
    if (collection?.kind !== line.kind)
      throw refuse(`has a ${line.kind} ${line.collection}, which ${line.entity} does not have`);
    const calls = collectionCalls(collection, ELEMENT_TRANSFERS[line.kind], line.elements, refuse);
    const part: RowOperation = {
      schema,
      key: last.operation.key,
      mode: 'touch',
      collected: new Map([[collection.property, calls]]),
    };
    const at = this.waiting.indexOf(last.operation);
    const isWaiting = at >= 0 && this.bytes + bytesIn(part) <= MAX_TRANSACTION_BYTES;
    if (!isWaiting) {
      await this.flush();
      await this.commit([part]);
      return;
    }
    this.bytes += bytesIn(part);
    const before = last.operation.collected ?? new Map();
    const all = [...(before.get(collection.property) ?? []), ...calls];
    const operation = { ...last.operation, collected: new Map([...before, [collection.property, all]]) };
    this.waiting[at] = last.operation = operation;
  }

  private mapperOf(entity: unknown, refuse: (why: string) => Error): { schema: RowOperation['schema'] } {
    const schema = this.context.schemas.inPartition(this.tag).find(({ name }) => name === entity);
    if (schema && this.header!.entities.includes(schema.name)) return { schema };
    throw refuse(`has a row of ${String(entity)}, which the first line does not name`);
  }

  private async makeRoom(bytes: number): Promise<void> {
    const isFull = this.waiting.length === MAX_TRANSACTION_ROWS || this.bytes + bytes > MAX_TRANSACTION_BYTES;
    if (isFull) await this.flush();
    this.bytes += bytes;
  }

  private async flush(): Promise<void> {
    const operations = this.waiting;
    this.waiting = [];
    this.bytes = 0;
    if (operations.length > 0) await this.commit(operations);
  }

  private async commit(operations: readonly RowOperation[]): Promise<void> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    const outcome = await this.context.committer.tryCommit(operations, { signal });
    if (outcome.fault) throw faultError(outcome);
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? (line as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // the error of JSON.parse quotes the values
  }
}
