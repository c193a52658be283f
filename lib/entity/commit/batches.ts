import { BATCH_SCRIPT } from '../commit-scripts/batch-script.js';
import { indexKey, uniqueKey } from '../keys/entity-key.js';
import type { BatchOutcome } from '../operations/commit-outcome.js';
import { callToken, resentToken } from '../scripts/operation-token.js';
import type { Stored } from '../codec/codec.js';
import type { RowOperation } from '../operations/row-operation.js';
import type { ScriptCall } from '../scripts/script-caller.js';
import { type ShortForm, shortForm } from './short-calls.js';

/** The maximum number of rows of a call, of its arguments, and of their bytes. The server runs nothing else meanwhile. */
const MAX_ROWS = 50;
const MAX_ARGUMENTS = 5_000;
const MAX_LENGTH = 256 * 1024;

/** Rows of one entity in one partition that one call writes, each by itself. */
export interface Batch {
  readonly operations: readonly RowOperation[];
  readonly token: string;
  readonly call: ScriptCall;
}

interface Member {
  readonly operation: RowOperation;
  readonly form: ShortForm;
  readonly length: number;
}

/**
 * Returns the batches of writes in the short form, and the other operations. A write that touches no index has one key,
 * and is not delayed while its slot is being migrated, so it is sent by itself.
 */
export function batchesOf(operations: readonly RowOperation[]): { batches: Batch[]; others: RowOperation[] } {
  const groups = new Map<string, Member[]>();
  const others: RowOperation[] = [];
  for (const operation of operations) {
    const form = shortForm(operation);
    if (!form?.isIndexed) {
      others.push(operation);
      continue;
    }
    const place = indexKey(operation.schema, operation.key.tag);
    const member = { operation, form, length: lengthOf(form.args) };
    const group = groups.get(place);
    if (group) group.push(member);
    else groups.set(place, [member]);
  }
  const batches: Batch[] = [];
  for (const group of groups.values())
    for (const members of piecesOf(group))
      if (members.length > 1) batches.push(batchOf(members));
      else others.push(members[0].operation);
  return { batches, others };
}

function lengthOf(args: readonly Stored[]): number {
  let length = 0;
  for (const value of args) length += value.length;
  return length;
}

function piecesOf(members: readonly Member[]): Member[][] {
  const pieces: Member[][] = [];
  let [count, length] = [0, 0];
  for (const member of members) {
    count += member.form.args.length;
    length += member.length;
    const piece = pieces.at(-1);
    if (piece && piece.length < MAX_ROWS && count <= MAX_ARGUMENTS && length <= MAX_LENGTH)
      piece.push(member);
    else {
      pieces.push([member]);
      [count, length] = [member.form.args.length, member.length];
    }
  }
  return pieces;
}

function batchOf(members: readonly Member[]): Batch {
  const operations = members.map(({ operation }) => operation);
  const [{ schema, key }] = operations;
  const token = callToken();
  const keys = operations.map((operation) => operation.key.row);
  keys.push(indexKey(schema, key.tag));
  if (members.some(({ form }) => form.hasUniques)) keys.push(uniqueKey(schema, key.tag));
  const args: Stored[] = [token, String(members.length)];
  for (const { form } of members) {
    args.push(String(form.args.length), form.text);
    for (const value of form.args) args.push(value);
  }
  return { operations, token, call: { script: BATCH_SCRIPT, keys, args } };
}

/**
 * Returns the outcomes of a batch from the script's answer or error.
 *
 * @param commitAlone commits an operation that was left to the caller. The token says whether it was sent before.
 */
export function batchOutcomes(
  { operations, token }: Batch,
  answer: readonly string[] | Error,
  commitAlone: (operation: RowOperation, token: string) => Promise<BatchOutcome>,
): (BatchOutcome | Promise<BatchOutcome>)[] {
  if (answer instanceof Error) return operations.map(() => answer);
  const [, repeated, ...versions] = answer;
  const next = repeated === '' ? token : resentToken(token);
  return operations.map((operation, i) =>
    versions[i] === LEFT ? commitAlone(operation, next) : { versions: [Number(versions[i])] },
  );
}

const LEFT = '-';
