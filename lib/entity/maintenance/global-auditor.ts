import { nowOf } from '../common/entity-client.js';
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

/** How many rows are compared per batch. */
const BATCH = 100;
/** How often a row is read again while others change it. Their writes maintain its entries. */
const ATTEMPTS = 10;

type Fault = IndexIssue['fault'];

/**
 * Compares the entries in global indexes and unique constraints with the rows, and repairs them on request: by a write
 * of the row that changes nothing else and follows the usual protocol. `GlobalSweeper` deletes superfluous entries.
 */
export class GlobalAuditor {
  /** Without schema records, so that it can take values of unique constraints that are being built. */
  private readonly committer: Committer;

  constructor(
    private readonly context: MaintenanceContext,
    private readonly schema: EntitySchema,
    private readonly mode: AuditMode,
  ) {
    this.committer = new Committer(context.client);
  }

  /** Yields the faults of rows in one partition. */
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
      return globalExpectationsOf(this.schema, tag, ids[i], row as Fields, nowOf(this.context.client));
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
    // another write of the row may have added or deleted an entry meanwhile
    if (!(await this.isStill(row))) return 'changed';
    const faults: [Fault, string][] = [];
    let { version } = row;
    for (const [fault, expected] of found) {
      let reported = fault;
      if (this.mode === 'repair') {
        const outcome = await this.repair(row, expected, version);
        if (outcome === 'changed') return faults.length === 0 ? 'changed' : faults;
        if (outcome === 'duplicate') reported = 'duplicate';
        else version = outcome;
      }
      faults.push([reported, expected.index.name]);
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

  /** Returns whether an entry exists with the token that its row has. */
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

  /** Returns whether another row holds the unique value. */
  private async isTaken(entry: GlobalEntry): Promise<boolean> {
    if (entry.index.kind !== 'unique') return false;
    const { client } = this.context;
    const [record] = await client.hmget(bucketOf(entry), entry.encodings);
    if (record === null || referenceInRecord(record) === referenceOf(entry.key)) return false;
    const holder = keyOfReference(this.schema, referenceInRecord(record));
    const [hold, expiresAt] = await client.hmget(holder.row, holdField(entry.index), ROW_FIELDS.expiresAt);
    if (expiresAt !== null && Number(expiresAt) <= nowOf(client)) return false;
    return hold === tokenInRecord(record) + entry.encodings;
  }

  /** Returns whether the version and the entries of a row are unchanged. */
  private async isStill({ key, version, globals }: GlobalExpectations): Promise<boolean> {
    const fields = globals.map(({ index }) => holdField(index));
    const [now, ...holds] = await this.context.client.hmget(key.row, ROW_FIELDS.version, ...fields);
    const isHeld = globals.every(({ held }, i) => (held ? held.token + held.encodings : null) === holds[i]);
    return (now ?? '0') === version && isHeld;
  }

  /** Writes the entry of a row again. @returns the row's new version. */
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

/** Faults that mean that the row was written or deleted meanwhile. */
const CHANGED: ReadonlySet<FaultCode> = new Set<FaultCode>(['CONFLICT', 'MISSING', 'CHANGED']);
