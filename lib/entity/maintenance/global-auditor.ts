import { ROW_FIELDS, holdField } from '../keys/stored-names.js';
import { type FaultCode, faultError } from '../operations/commit-faults.js';
import { entityKeyIn, givenKey } from '../keys/entity-key.js';
import { Committer } from '../commit/committer.js';
import type { MaintenanceContext } from './maintenance-context.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import {
  type GlobalEntry,
  bucketOf,
  keyOfReference,
  memberOf,
  referenceInRecord,
  referenceOf,
  tokenInRecord,
} from '../keys/global-entry.js';
import {
  type GlobalExpectation,
  type GlobalExpectations,
  globalExpectationsOf,
} from './global-expectation.js';
import type { AuditMode, IndexIssue } from './index-auditor.js';
import { CLOSED } from '../keys/index-entry.js';
import type { RowOperation } from '../operations/row-operation.js';
import type { Fields } from '../rows/row-reader.js';

/** Rows that are compared at once. */
const BATCH = 100;
/** How often a row is read again that others go on changing: they keep its entries right themselves. */
const ATTEMPTS = 10;

type Fault = IndexIssue['fault'];

/**
 * Holds what rows have in global indexes and uniques against the rows, and puts it right if asked to: by a write of the
 * row that changes nothing else, by the protocol of all writes. What is there and should not be is for `GlobalSweeper`.
 */
export class GlobalAuditor {
  /** It takes values of uniques that are being built: that is how they are built. */
  private readonly committer: Committer;

  constructor(
    private readonly context: MaintenanceContext,
    private readonly schema: EntitySchema,
    private readonly mode: AuditMode,
  ) {
    this.committer = new Committer(context.client);
  }

  /** The faults of rows of one partition. */
  async *audit(tag: string, ids: readonly string[]): AsyncGenerator<IndexIssue> {
    if (this.schema.globals.length === 0) return;
    for (let from = 0; from < ids.length; from += BATCH) {
      let left = ids.slice(from, from + BATCH);
      for (let attempt = 1; left.length > 0 && attempt <= ATTEMPTS; attempt++) {
        const rows = await this.read(tag, left);
        const found = await Promise.all(rows.map((row) => this.faultsOf(row)));
        left = [];
        for (const [i, faults] of found.entries()) {
          if (faults === 'changed') left.push(rows[i].key.idText);
          else for (const [fault, index] of faults) yield this.issue(tag, rows[i].key.idText, fault, index);
        }
      }
    }
  }

  private async read(tag: string, ids: readonly string[]): Promise<GlobalExpectations[]> {
    const pipeline = this.context.client.pipeline();
    for (const id of ids) pipeline.hgetallBuffer(entityKeyIn(this.schema, tag, id).row);
    const rows = (await pipeline.exec()) ?? [];
    return rows.map(([error, row], i) => {
      if (error) throw error;
      return globalExpectationsOf(this.schema, tag, ids[i], row as Fields);
    });
  }

  private async faultsOf(row: GlobalExpectations): Promise<[Fault, string][] | 'changed'> {
    if (row.unreadable !== undefined) return [['unreadable', row.unreadable]];
    const found: [Fault, GlobalExpectation][] = [];
    for (const expected of row.globals) {
      const fault = await this.faultOf(row, expected);
      if (fault !== undefined) found.push([fault, expected]);
    }
    if (found.length === 0) return [];
    // an entry may be in its place by now, or gone, with another write of the row
    if (!(await this.isStill(row))) return 'changed';
    const faults: [Fault, string][] = [];
    let { version } = row;
    for (const [fault, expected] of found) {
      let told = fault;
      if (this.mode === 'repair') {
        const outcome = await this.repair(row, expected, version);
        if (outcome === 'changed') return faults.length === 0 ? 'changed' : faults;
        if (outcome === 'duplicate') told = 'duplicate';
        else version = outcome;
      }
      faults.push([told, expected.index.name]);
    }
    return faults;
  }

  private async faultOf(
    { key }: GlobalExpectations,
    { index, encodings, held, notes }: GlobalExpectation,
  ): Promise<Fault | undefined> {
    const isNoted = notes.length === 0 && held?.encodings === encodings;
    if (encodings === undefined) return isNoted ? undefined : 'wrong';
    const entry: GlobalEntry = { schema: this.schema, index, key, encodings };
    if (isNoted && (await this.isInPlace(entry, held!.token))) return undefined;
    if (await this.isTaken(entry)) return 'duplicate';
    return held === undefined || isNoted ? 'missing' : 'wrong';
  }

  /** Whether an entry is there with the token that its row knows. */
  private async isInPlace(entry: GlobalEntry, token: string): Promise<boolean> {
    const { client } = this.context;
    if (entry.index.kind === 'unique') {
      const [record] = await client.hmget(bucketOf(entry), entry.encodings);
      return (
        record !== null &&
        tokenInRecord(record) === token &&
        referenceInRecord(record) === referenceOf(entry.key)
      );
    }
    const member = Buffer.concat([CLOSED, Buffer.from(memberOf(entry, token))]);
    return (await client.zlexcount(bucketOf(entry), member, member)) === 1;
  }

  /** Whether the value of a unique is that of another row, which holds it. */
  private async isTaken(entry: GlobalEntry): Promise<boolean> {
    if (entry.index.kind !== 'unique') return false;
    const { client } = this.context;
    const [record] = await client.hmget(bucketOf(entry), entry.encodings);
    if (record === null || referenceInRecord(record) === referenceOf(entry.key)) return false;
    const holder = keyOfReference(this.schema, referenceInRecord(record));
    const [hold, expiresAt] = await client.hmget(holder.row, holdField(entry.index), ROW_FIELDS.expiresAt);
    if (expiresAt !== null && Number(expiresAt) <= Date.now()) return false;
    return hold === tokenInRecord(record) + entry.encodings;
  }

  /** Whether a row is as it was read, in what this is about. */
  private async isStill({ key, version, globals }: GlobalExpectations): Promise<boolean> {
    const fields = globals.map(({ index }) => holdField(index));
    const [now, ...holds] = await this.context.client.hmget(key.row, ROW_FIELDS.version, ...fields);
    const isHeld = globals.every(({ held }, i) => (held ? held.token + held.encodings : null) === holds[i]);
    return (now ?? '0') === version && isHeld;
  }

  /** Writes what a row has in one of them. @returns the version it has then. */
  private async repair(
    { key }: GlobalExpectations,
    { index, parts, notes }: GlobalExpectation,
    version: string,
  ): Promise<string | 'changed' | 'duplicate'> {
    const operation: RowOperation = {
      schema: this.schema,
      key,
      mode: 'update',
      expected: Number(version),
      set: notes.flatMap(([field, encoding]) => (encoding === null ? [] : [field, encoding])),
      removed: notes.flatMap(([field, encoding]) => (encoding === null ? [field] : [])),
      globals: [{ index, parts }],
    };
    const outcome = await this.committer.tryCommit([operation]);
    if (outcome.fault === undefined) return String(outcome.versions[0]);
    if (outcome.fault === 'DUPLICATE') return 'duplicate';
    if (CHANGED.has(outcome.fault)) return 'changed';
    throw faultError(outcome);
  }

  private issue(tag: string, id: string, fault: Fault, index: string): IndexIssue {
    return { fault, index, key: givenKey(this.schema, entityKeyIn(this.schema, tag, id)) as never };
  }
}

/** Others have written the row meanwhile, or ended it. */
const CHANGED: ReadonlySet<FaultCode> = new Set<FaultCode>(['CONFLICT', 'MISSING', 'CHANGED']);
