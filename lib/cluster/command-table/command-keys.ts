import { InvalidArgumentError } from '../common/errors.js';

/**
 * An argument as callers pass it; numbers are written as text. A Buffer is not copied. It is read when the
 * request is written, and again if it is sent again, so it must not change before the call has ended.
 */
export type CommandArgument = string | Buffer | number;

/** Whether arguments give a call a property (idempotent, blocking). */
export type ArgumentTest = (args: readonly CommandArgument[]) => boolean;

/** Where a key specification begins: at an index, or after a word that is searched from an index on. */
type SpecStart = number | { readonly word: string; readonly from: number };

/**
 * Where a command has some of its keys, in the form of the server's key specifications
 * (https://redis.io/docs/latest/develop/reference/key-specs/). Indexes count arguments from 0, without the
 * command's name; a negative one counts from the end.
 */
export type KeySpec =
  /** Every `step`th from the start to `last`, counted from the start on; of these the first `1 / share`. */
  | {
      readonly kind: 'range';
      readonly start: SpecStart;
      readonly last: number;
      readonly step: number;
      readonly share: number;
    }
  /** As many as the number `count` places behind the start says, from `first` places behind it. */
  | {
      readonly kind: 'counted';
      readonly start: SpecStart;
      readonly count: number;
      readonly first: number;
      readonly step: number;
    }
  /** SORT's destination. */
  | { readonly kind: 'sortStore' }
  /** MIGRATE's keys. */
  | { readonly kind: 'migrate' };

/** One key, at `index`. */
export const at = (index: number): KeySpec => span(index, 0);

/** Keys from `start` to `last`, every `step`th. */
export const span = (start: SpecStart, last: number, step = 1, share = 1): KeySpec => {
  return { kind: 'range', start, last, step, share };
};

/** The number of keys at `index`, the keys behind it. */
export const counted = (index: SpecStart, step = 1, count = 0, first = count + 1): KeySpec => {
  return { kind: 'counted', start: index, count, first, step };
};

/** The key behind a word. */
export const behind = (word: string, from: number): KeySpec => span({ word, from }, 0);

/** The keys behind a word, with as many other arguments behind them. */
export const halfBehind = (word: string, from: number): KeySpec => span({ word, from }, -1, 1, 2);

/** SORT's destination: behind its last STORE, which is not a pattern or a limit of that name. */
export const sortStore: KeySpec = { kind: 'sortStore' };

/** MIGRATE's keys: the third argument, or what follows KEYS where that is empty. */
export const migrateKeys: KeySpec = { kind: 'migrate' };

/**
 * How the first key is found: there is none; it is the only one, at a fixed index; it is the first of several
 * at fixed indexes; or the indexes depend on the arguments.
 */
export type KeyKind = 'none' | 'first' | 'range' | 'movable';

/** What key extraction needs to know about a command. */
export interface KeyedCommand {
  readonly name: string;
  readonly keyKind: KeyKind;
  /** Index of the first key in the arguments where it is fixed, else -1. */
  readonly firstKey: number;
  readonly keys: readonly KeySpec[];
}

/** Summarizes key specifications for the fast path. */
export function summarizeKeys(keys: readonly KeySpec[]): { keyKind: KeyKind; firstKey: number } {
  if (keys.length === 0) return { keyKind: 'none', firstKey: -1 };
  const first = keys[0];
  const firstKey = first.kind === 'range' && typeof first.start === 'number' ? first.start : -1;
  const fixed = keys.every((spec) => spec.kind === 'range' && typeof spec.start === 'number');
  if (!fixed) return { keyKind: 'movable', firstKey };
  return {
    keyKind: keys.length === 1 && first.kind === 'range' && first.last === 0 ? 'first' : 'range',
    firstKey,
  };
}

/**
 * Returns the index of the first key in the arguments, -1 if this call has none.
 *
 * @throws InvalidArgumentError if there are too few arguments for a required key
 */
export function firstKeyIndex(command: KeyedCommand, args: readonly CommandArgument[]): number {
  const index = command.firstKey;
  if (index !== -1) return index < args.length ? index : missingKey(command);
  if (command.keyKind === 'none') return -1;
  const indexes = keyIndexes(command, args);
  return indexes.length > 0 ? indexes[0] : -1;
}

/**
 * Returns the indexes of all keys in the arguments, in the order of the command's key specifications.
 *
 * @throws InvalidArgumentError like `firstKeyIndex`, and if a number of keys is invalid or larger than the
 *   number of keys
 */
export function keyIndexes(command: KeyedCommand, args: readonly CommandArgument[]): number[] {
  if (command.keyKind === 'first') return [firstKeyIndex(command, args)];
  const indexes: number[] = [];
  for (const spec of command.keys) {
    switch (spec.kind) {
      case 'range':
        addRange(command, spec, args, indexes);
        break;
      case 'counted':
        addCounted(command, spec, args, indexes);
        break;
      case 'sortStore':
        addSortStore(args, indexes);
        break;
      case 'migrate':
        addMigrateKeys(command, args, indexes);
    }
  }
  if (indexes.length === 0) refuseWithoutWord(command);
  return indexes;
}

function addRange(
  command: KeyedCommand,
  spec: Extract<KeySpec, { kind: 'range' }>,
  args: readonly CommandArgument[],
  indexes: number[],
): void {
  const start = resolveStart(spec.start, args);
  // further keys may be missing (PFMERGE); otherwise the server reports that
  if (start === -1 || (start >= args.length && indexes.length > 0)) return;
  let last = spec.last < 0 ? args.length + spec.last : start + spec.last;
  if (spec.share > 1) last = start + Math.floor((last - start + 1) / spec.share) - 1;
  if (start >= args.length || last >= args.length || last < start) missingKey(command);
  for (let index = start; index <= last; index += spec.step) indexes.push(index);
}

function addCounted(
  command: KeyedCommand,
  spec: Extract<KeySpec, { kind: 'counted' }>,
  args: readonly CommandArgument[],
  indexes: number[],
): void {
  const start = resolveStart(spec.start, args);
  if (start === -1) return;
  const count = wholeNumber(args[start + spec.count]);
  const first = start + spec.first;
  const last = first + (count - 1) * spec.step;
  // NaN, for an invalid number, makes this false too
  if (!(count === 0 || last < args.length)) {
    throw new InvalidArgumentError(
      'numkeys',
      `${command.name}: numkeys must be a whole number, followed by that many keys`,
    );
  }
  for (let index = first; index <= last; index += spec.step) indexes.push(index);
}

/** Returns the index after the word (ignoring case), -1 if it is not found. */
function resolveStart(start: SpecStart, args: readonly CommandArgument[]): number {
  if (typeof start === 'number') return start;
  const backwards = start.from < 0;
  let index = backwards ? args.length + start.from : start.from;
  while (index >= 0 && index < args.length) {
    if (isWord(args[index], start.word)) return index + 1;
    index += backwards ? -1 : 1;
  }
  return -1;
}

/** Options of SORT that take arguments, and how many; a word among these is not an option. */
const SORT_ARGUMENTS = new Map([
  ['limit', 2],
  ['by', 1],
  ['get', 1],
  ['store', 1],
]);

function addSortStore(args: readonly CommandArgument[], indexes: number[]): void {
  let destination = -1;
  for (let index = 1; index < args.length; index++) {
    const option = wordOf(args[index]);
    if (option === 'store' && index + 1 < args.length) destination = index + 1;
    index += SORT_ARGUMENTS.get(option) ?? 0;
  }
  if (destination !== -1) indexes.push(destination);
}

function addMigrateKeys(command: KeyedCommand, args: readonly CommandArgument[], indexes: number[]): void {
  if (args.length < 3) missingKey(command);
  if (lengthOf(args[2]) > 0) {
    indexes.push(2);
    return;
  }
  for (let index = 5; index < args.length; index++) {
    const option = wordOf(args[index]);
    if (option === 'keys') {
      for (let key = index + 1; key < args.length; key++) indexes.push(key);
      break;
    }
    index += option === 'auth' ? 1 : option === 'auth2' ? 2 : 0;
  }
  if (indexes.length === 0) indexes.push(2);
}

/** Returns an argument as a lower-case word. */
export function wordOf(argument: CommandArgument | undefined): string {
  return typeof argument === 'string' ? argument.toLowerCase() : String(argument).toLowerCase();
}

/** Whether an argument is a word, in any case. The length is compared first: values can be large. */
export function isWord(argument: CommandArgument, word: string): boolean {
  return lengthOf(argument) === word.length && wordOf(argument) === word.toLowerCase();
}

function lengthOf(argument: CommandArgument): number {
  return typeof argument === 'number' ? String(argument).length : argument.length;
}

/** Returns the whole number that an argument is, as the server would read it; else NaN. */
function wholeNumber(argument: CommandArgument | undefined): number {
  if (typeof argument === 'number') return Number.isSafeInteger(argument) && argument >= 0 ? argument : NaN;
  return argument !== undefined && argument.length <= 10 && /^\d+$/.test(String(argument))
    ? Number(String(argument))
    : NaN;
}

function missingKey(command: KeyedCommand): never {
  throw new InvalidArgumentError('key', `${command.name}: there are too few arguments for its keys`);
}

/** Rejects a command whose keys all follow a word (XREAD) if the word is missing. */
function refuseWithoutWord(command: KeyedCommand): void {
  const words = command.keys.map((spec) =>
    'start' in spec && typeof spec.start === 'object' ? spec.start.word : '',
  );
  if (words.length > 0 && words.every((word) => word !== '')) {
    throw new InvalidArgumentError(words[0], `${command.name}: ${words[0]} is missing, or no keys follow it`);
  }
}
