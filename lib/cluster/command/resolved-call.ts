import { keySlot, NO_SLOT } from '../topology/key-slot.js';
import { firstKeyIndex, keyIndexes } from '../command-table/command-keys.js';
import type { CommandRow } from '../command-table/command-table.js';
import { NON_ATOMIC_COMMANDS } from '../command-table/non-atomic-commands.js';
import { groupBy } from '../common/group-by.js';
import { CrossSlotError, InvalidArgumentError } from '../common/errors.js';
import type { Argument } from '../protocol/request-encoder.js';

/** The maximum size of one argument that a server accepts by default; see `proto-max-bulk-len`. */
const MAXIMUM_BYTES = 512 * 1024 * 1024;
/** The maximum size of one request or transaction that a server accepts; see `client-query-buffer-limit`. */
const MAXIMUM_CALL_BYTES = 1024 * 1024 * 1024;
/** UTF-8 needs at most three bytes for one UTF-16 unit. */
const BYTES_PER_CHARACTER = 3;

/**
 * A call whose slot is known. A class, as V8 may decide to create object literals among its old objects: there they
 * keep their arguments in memory until the next collection of everything.
 */
export class ResolvedCall {
  constructor(
    readonly row: CommandRow,
    readonly name: string,
    readonly args: Argument[],
    /** The slot of its keys; NO_SLOT if it has none. */
    readonly slot: number,
    /** The bytes of its arguments, as the limits count them. */
    readonly size: number,
  ) {}
}

/**
 * Finds the slot of a call, unless the caller knows it. Prefixes the keys in place.
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
  if (size * BYTES_PER_CHARACTER > MAXIMUM_BYTES) refuseOversized(name, args);
  if (keyPrefix !== '' && !row.routingOnly) {
    prefixKeys(row, args, keyPrefix);
    size = sizeOf(args);
  }
  return new ResolvedCall(row, name, args, slot ?? slotOf(row, args), size);
}

/** Rejects oversized arguments. A server would close the connection, and with it everything in flight there. */
function refuseOversized(name: string, args: readonly Argument[]): void {
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    if (value.length * BYTES_PER_CHARACTER <= MAXIMUM_BYTES) continue;
    const bytes = bytesOf(value);
    if (bytes <= MAXIMUM_BYTES) continue;
    throw new InvalidArgumentError(
      `arguments[${i}]`,
      `Argument ${i + 1} of ${name} has ${bytes} bytes; a server accepts at most ${MAXIMUM_BYTES} (512 MB)`,
    );
  }
  refuseOversizedSum(name, [args]);
}

const bytesOf = (value: Argument): number =>
  typeof value === 'string' ? Buffer.byteLength(value) : value.length;

/**
 * Checks the size of one request, or of the requests of one transaction.
 * @throws InvalidArgumentError if the arguments together are larger than a server accepts
 */
export function refuseOversizedSum(name: string, requests: readonly (readonly Argument[])[]): void {
  let size = 0;
  for (const args of requests) size += sizeOf(args);
  if (size * BYTES_PER_CHARACTER <= MAXIMUM_CALL_BYTES) return;
  let bytes = 0;
  for (const args of requests) for (const value of args) bytes += bytesOf(value);
  if (bytes <= MAXIMUM_CALL_BYTES) return;
  throw new InvalidArgumentError(
    'arguments',
    `The arguments of ${name} have ${bytes} bytes in total; a server accepts at most ${MAXIMUM_CALL_BYTES} (1 GB). ` +
      'Split it into several calls.',
  );
}

/** Returns the bytes of arguments, as the limits count them. */
export function sizeOf(args: readonly Argument[]): number {
  let size = 0;
  for (let i = 0; i < args.length; i++) size += args[i].length;
  return size;
}

/** Returns the slot that all keys of a call share; NO_SLOT if there are several and the command can be split. */
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

/** Returns the error for a call whose keys do not share a slot. */
export function crossSlot(row: CommandRow, args: readonly Argument[]): CrossSlotError {
  const keys = keyIndexes(row, args).map((index) => args[index]);
  const otherWay = NON_ATOMIC_COMMANDS.some((name) => name === row.name) ? 'cluster.nonAtomic' : undefined;
  return new CrossSlotError(row.name.toUpperCase(), groupBySlot(keys), otherWay);
}

/** The keys of a call as text. */
export function keysOf({ row, args }: ResolvedCall): string[] {
  return keyIndexes(row, args).map((index) => String(args[index]));
}

/** Groups keys, as text, by their slot, in the order of their first appearance. */
export function groupBySlot(keys: readonly Argument[]): Map<number, string[]> {
  const groups = groupBy(keys, keySlot);
  return new Map([...groups].map(([slot, group]) => [slot, group.map(String)]));
}

function prefixKeys(row: CommandRow, args: Argument[], prefix: string): void {
  for (const index of keyIndexes(row, args)) {
    const key = args[index];
    args[index] = typeof key === 'string' ? prefix + key : Buffer.concat([Buffer.from(prefix), key]);
  }
}
