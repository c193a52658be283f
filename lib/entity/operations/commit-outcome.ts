import { replyBehind } from '../../cluster/leases/wait-for-replicas.js';
import type { CommitFault, FaultCode } from './commit-faults.js';
import type { Released, RowOperation } from './row-operation.js';
import { releasedFrom } from './released-holds.js';

/** A commit that was made. */
export interface Committed {
  readonly fault?: undefined;
  /** The versions of the rows, one an operation; undefined where there was no row. */
  readonly versions: readonly (number | undefined)[];
  /** The stored value of the property that an upsert has kept. */
  readonly kept?: string;
  /** What it has ended in global indexes and uniques; undefined where it was recognized, or has to do with none. */
  readonly released?: readonly Released[];
  /** Why it is not as durable as it was to be, where too few replicas have confirmed it. */
  readonly unconfirmed?: Error;
}

/** What became of a commit, by what its script has answered or has failed with; an error where that is not known. */
export function outcomeOf(
  answer: readonly string[] | Error,
  operations: readonly RowOperation[],
): Committed | CommitFault | Error {
  if (answer instanceof Error) {
    const reply = replyBehind(answer) as string[] | undefined;
    return reply ? { ...committedFrom(reply, operations), unconfirmed: answer } : answer;
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

/** A version, and what was kept in its row, where something was. */
function splitOnce(text: string): [version: string, kept?: string] {
  const at = text.indexOf(' ');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Why a script has refused operations, by its answer. */
export function faultFrom(answer: readonly string[], operations: readonly RowOperation[]): CommitFault {
  const [fault, place, detail, idText, entry] = answer;
  const holder = idText ? { idText, entry } : undefined;
  return { fault: fault as FaultCode, operation: operations[Number(place) - 1], detail, holder };
}
