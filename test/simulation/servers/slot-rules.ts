import { CommandTable } from '../../../lib/cluster/command-table/command-table.js';
import { keyIndexes } from '../../../lib/cluster/command-table/command-keys.js';
import { keySlot } from '../../../lib/cluster/topology/key-slot.js';

/** What a node serves: the slot of a command's keys, and which of the keys it has. */
export interface KeysOfCommand {
  readonly slot: number;
  readonly keys: readonly string[];
  readonly isRead: boolean;
  readonly isWrite: boolean;
  /** Whether they are only channels, which exist everywhere. */
  readonly areChannels: boolean;
}

const table = new CommandTable();

/** Returns the keys of a command; `undefined` if it has none, and an error text if they have several slots. */
export function keysOf([name, ...args]: readonly string[]): KeysOfCommand | string | undefined {
  const row = table.lookup(name, args);
  if (row === undefined || row.keyKind === 'none') return undefined;
  const keys = keyIndexes(row, args).map((index) => args[index]);
  if (keys.length === 0) return undefined;
  const [slot, ...others] = keys.map((key) => keySlot(Buffer.from(key, 'latin1')));
  if (others.some((other) => other !== slot)) return "CROSSSLOT Keys in request don't hash to the same slot";
  return { slot, keys, isRead: row.readonly, isWrite: row.write, areChannels: row.routingOnly };
}
