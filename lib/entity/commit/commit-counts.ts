import type { EntityCounters } from '../../cluster/stats/entity-counters.js';
import type { CommitFault, FaultCode } from '../operations/commit-faults.js';
import type { Committed } from '../operations/commit-outcome.js';
import type { RowOperation, WriteMode } from '../operations/row-operation.js';

/** How operations are counted. The other modes only check rows, or remove expired ones. */
const OPERATIONS: Readonly<Partial<Record<WriteMode, string>>> = {
  insert: 'insert',
  update: 'update',
  upsert: 'upsert',
  delete: 'delete',
  touch: 'touch',
};

/** Refusals because another writer was first, with the codes of their errors. */
const CONFLICTS: Readonly<Partial<Record<FaultCode, string>>> = {
  CONFLICT: 'VERSION_CONFLICT',
  EXISTS: 'ENTITY_EXISTS',
  DUPLICATE: 'UNIQUE_VIOLATION',
  CHANGED: 'CONDITION_NOT_MET',
};

/** Counts the operations of a commit. */
export function countOperations(counters: EntityCounters, operations: readonly RowOperation[]): void {
  for (const { mode } of operations) {
    const name = OPERATIONS[mode];
    if (name !== undefined) counters.operations.add(name);
  }
}

/** Counts what a commit was refused for. */
export function countOutcome(counters: EntityCounters, outcome: Committed | CommitFault | Error): void {
  if (outcome instanceof Error || outcome.fault === undefined) return;
  const { fault, operation } = outcome;
  if (fault === 'UNKNOWN') counters.unknownOutcomes++;
  const isGone = fault === 'MISSING' && operation.expected !== undefined;
  const conflict = CONFLICTS[isGone ? 'CONFLICT' : fault];
  if (conflict !== undefined) counters.conflicts.add(conflict);
}
