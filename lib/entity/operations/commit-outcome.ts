import { replyBehind } from '../../cluster/leases/wait-for-replicas.js';
import { answerList } from '../scripts/script-answer.js';
import type { CommitFault, FaultCode } from './commit-faults.js';
import type { Released, RowOperation } from './row-operation.js';
import { releasedFrom } from './released-holds.js';

/** A commit that was applied. */
export interface Committed {
  readonly fault?: undefined;
  /** The versions of the rows, one per operation; undefined if there was no row. */
  readonly versions: readonly (number | undefined)[];
  /** The stored value of the property that an upsert kept. */
  readonly kept?: string;
  /** The released entries of global indexes. Undefined for a recognized repetition, or without such entries. */
  readonly released?: readonly Released[];
  /** The error if too few replicas confirmed the commit. */
  readonly unconfirmed?: Error;
}

/** What becomes of an operation that is committed together with others, but by itself. */
export type BatchOutcome = Committed | CommitFault | Error;

/** Returns the outcome of a commit from the script's answer or error. Returns an error if the outcome is unknown. */
export function outcomeOf(
  answer: readonly string[] | Error,
  operations: readonly RowOperation[],
): Committed | CommitFault | Error {
  if (answer instanceof Error) {
    const reply = replyBehind(answer) as string | string[] | undefined;
    return reply ? { ...committedFrom(answerList(reply), operations), unconfirmed: answer } : answer;
  }
  return answer[0] === 'OK' ? committedFrom(answer, operations) : faultFrom(answer, operations);
}

function committedFrom(answer: readonly string[], operations: readonly RowOperation[]): Committed {
  const end = operations.length + 1;
  const [version, kept] = operations[0]?.kept === undefined ? [] : splitOnce(answer[1]);
  const versions = version === undefined ? answer.slice(1, end) : [version];
  return {
    versions: versions.map((text) => (text === '' ? undefined : Number(text))),
    kept,
    released: answer.length > end ? releasedFrom(answer.slice(end + 1), operations) : undefined,
  };
}

/** Splits a version from the value that was kept, if there is one. */
function splitOnce(text: string): [version: string, kept?: string] {
  const at = text.indexOf(' ');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Decodes the answer of a script that refused operations. */
export function faultFrom(answer: readonly string[], operations: readonly RowOperation[]): CommitFault {
  const [fault, place, detail, idText, entry] = answer;
  const holder = idText ? { idText, entry } : undefined;
  return { fault: fault as FaultCode, operation: operations[Number(place) - 1], detail, holder };
}
