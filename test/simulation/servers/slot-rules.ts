import { type CommandRow, CommandTable } from '../../../lib/cluster/command-table/command-table.js';
import { keyIndexes } from '../../../lib/cluster/command-table/command-keys.js';
import { keySlot } from '../../../lib/cluster/topology/key-slot.js';

/** The keys of a command, all in one slot. */
export interface KeysOfCommand {
  readonly slot: number;
  readonly keys: readonly string[];
  readonly isWrite: boolean;
  /** Whether it runs a script. Servers take scripts for neither reads nor writes until these write. */
  readonly runsScript: boolean;
  /** Whether they are only channels, which exist everywhere. */
  readonly areChannels: boolean;
}

const table = new CommandTable();

/** The slots of keys that were seen before: a simulation has few. */
const slots = new Map<string, number>();

/** Returns the slot of a key. */
export function slotOf(key: string): number {
  let slot = slots.get(key);
  if (slot === undefined) slots.set(key, (slot = keySlot(Buffer.from(key, 'latin1'))));
  return slot;
}

/** Returns the keys of a command; `undefined` if it has none, and an error text if they have several slots. */
export function keysOf([name, ...args]: readonly string[]): KeysOfCommand | string | undefined {
  const row = table.lookup(name, args);
  // clients send messages to the node of their channel, and servers take them on any
  if (row === undefined || row.keyKind === 'none' || row.name === 'publish') return undefined;
  const keys = keyIndexes(row, args).map((index) => args[index]);
  if (keys.length === 0) return undefined;
  const [slot, ...others] = keys.map(slotOf);
  if (others.some((other) => other !== slot)) return "CROSSSLOT Keys in request don't hash to the same slot";
  return { slot, keys, isWrite: writes(row), runsScript: isScript(row), areChannels: row.routingOnly };
}

/** Whether a command writes, as its flags say. */
export function isWrite([name, ...args]: readonly string[]): boolean {
  const row = table.lookup(name, args);
  return row !== undefined && writes(row);
}

const isScript = ({ name }: CommandRow): boolean => /^(eval|fcall)/.test(name);

const writes = (row: CommandRow): boolean => row.write && !isScript(row);
