import { keySlot, NO_SLOT } from '../topology/key-slot.js';
import { firstKeyIndex, keyIndexes } from '../command-table/command-keys.js';
import type { CommandRow } from '../command-table/command-table.js';
import { CrossSlotError, InvalidArgumentError } from '../common/errors.js';
import type { Argument } from '../protocol/request-encoder.js';

/** The most bytes that a server takes as one argument, by default; see `proto-max-bulk-len`. */
const MAXIMUM_BYTES = 512 * 1024 * 1024;
/** The most bytes that a server takes as one request, or one transaction; see `client-query-buffer-limit`. */
const MAXIMUM_CALL_BYTES = 1024 * 1024 * 1024;
/** UTF-8 has three bytes at most for what is one character here. */
const BYTES_A_CHARACTER = 3;

/** A call whose place in the cluster is known. */
export interface ResolvedCall {
  readonly row: CommandRow;
  readonly name: string;
  readonly args: Argument[];
  /** The slot of its keys, NO_SLOT where it has none. */
  readonly slot: number;
  /** Bytes of its arguments, as bounds count them. */
  readonly size: number;
}

/**
 * Finds the place of a call: the slot of its keys, unless the caller knows it. Keys are prefixed here, in place.
 * @throws CrossSlotError, InvalidArgumentError
 */
export function resolveCall(
  row: CommandRow,
  name: string,
  args: Argument[],
  keyPrefix: string,
  slot?: number,
): ResolvedCall {
  let size = sizeOf(args);
  if (size * BYTES_A_CHARACTER > MAXIMUM_BYTES) refuseOversized(name, args);
  if (keyPrefix !== '' && !row.routingOnly) {
    prefixKeys(row, args, keyPrefix);
    size = sizeOf(args);
  }
  return { row, name, args, slot: slot ?? slotOf(row, args), size };
}

/** A server would close the connection, and with it what all others have under way on it. */
function refuseOversized(name: string, args: readonly Argument[]): void {
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    if (value.length * BYTES_A_CHARACTER <= MAXIMUM_BYTES) continue;
    const bytes = bytesOf(value);
    if (bytes <= MAXIMUM_BYTES) continue;
    throw new InvalidArgumentError(
      `arguments[${i}]`,
      `Argument ${i + 1} of ${name} has ${bytes} bytes; a server takes ${MAXIMUM_BYTES} (512 MB)`,
    );
  }
  refuseOversizedSum(name, [args]);
}

const bytesOf = (value: Argument): number =>
  typeof value === 'string' ? Buffer.byteLength(value) : value.length;

/**
 * For one request, or the requests of one transaction.
 * @throws InvalidArgumentError where their arguments together are more than a server takes
 */
export function refuseOversizedSum(name: string, requests: readonly (readonly Argument[])[]): void {
  let size = 0;
  for (const args of requests) size += sizeOf(args);
  if (size * BYTES_A_CHARACTER <= MAXIMUM_CALL_BYTES) return;
  let bytes = 0;
  for (const args of requests) for (const value of args) bytes += bytesOf(value);
  if (bytes <= MAXIMUM_CALL_BYTES) return;
  throw new InvalidArgumentError(
    'arguments',
    `The arguments of ${name} have ${bytes} bytes in all; a server takes ${MAXIMUM_CALL_BYTES} (1 GB). ` +
      'Make several calls of it.',
  );
}

/** Bytes of arguments, as bounds count them. */
export function sizeOf(args: readonly Argument[]): number {
  let size = 0;
  for (let i = 0; i < args.length; i++) size += args[i].length;
  return size;
}

/** The slot that all keys of a call share. NO_SLOT for several slots where the command may be split. */
function slotOf(row: CommandRow, args: readonly Argument[]): number {
  if (row.keyKind === 'none') return NO_SLOT;
  if (row.keyKind === 'first') {
    const key = args[row.firstKey];
    return keySlot(key === undefined ? args[firstKeyIndex(row, args)] : key);
  }
  const indexes = keyIndexes(row, args);
  if (indexes.length === 0) return NO_SLOT;
  const slot = keySlot(args[indexes[0]]);
  for (let i = 1; i < indexes.length; i++) {
    if (keySlot(args[indexes[i]]) === slot) continue;
    if (row.request === 'split') return NO_SLOT;
    throw crossSlot(row, args);
  }
  return slot;
}

/** The error for a call whose keys do not share a slot. */
export function crossSlot(row: CommandRow, args: readonly Argument[]): CrossSlotError {
  const keys = keyIndexes(row, args).map((index) => args[index]);
  return new CrossSlotError(row.name.toUpperCase(), groupBySlot(keys));
}

/** Keys as text, by their slot, in the order of their first appearance. */
export function groupBySlot(keys: readonly Argument[]): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const key of keys) {
    const slot = keySlot(key);
    const group = groups.get(slot);
    if (group === undefined) groups.set(slot, [String(key)]);
    else group.push(String(key));
  }
  return groups;
}

function prefixKeys(row: CommandRow, args: Argument[], prefix: string): void {
  for (const index of keyIndexes(row, args)) {
    const key = args[index];
    args[index] = typeof key === 'string' ? prefix + key : Buffer.concat([Buffer.from(prefix), key]);
  }
}
