import { ClusterClient } from '../../client/cluster-client.js';
import { keySlot } from '../../cluster/topology/key-slot.js';
import type { Arguments } from '../common/arguments.js';
import type { Command, CommandContext } from '../common/command.js';
import { CONNECTION_OPTIONS, connectionOptions } from '../common/connection-options.js';
import { EXIT, type ExitCode } from '../common/exit-code.js';
import { printable } from '../common/printable.js';

interface KeyPlace {
  readonly key: string;
  /** The part of the key that decides the slot; null if it is the whole key. */
  readonly hashTag: string | null;
  readonly slot: number;
  /** The node that owns the slot; null if no node does, absent if no nodes were named. */
  readonly owner?: string | null;
}

/** `keyslot slot`: where keys are. */
export const slotCommand: Command = {
  name: 'slot',
  summary: 'Show the slot and the hash tag of keys, and the node that owns them',
  takes: 'KEY…',
  count: [1, Infinity],
  options: [{ name: 'json', help: 'Print JSON' }, ...CONNECTION_OPTIONS],
  notes: ['Only --nodes makes it connect to a cluster, to find the owners.'],
  async run(given, context) {
    const owner = given.text('nodes') === undefined ? undefined : await ownersIn(given, context);
    const places = given.words.map((key): KeyPlace => {
      const slot = keySlot(key);
      return { key, hashTag: hashTagOf(key), slot, ...(owner && { owner: owner(slot) }) };
    });
    return given.has('json') ? printJson(places, context) : printTable(places, context);
  },
};

async function ownersIn(given: Arguments, context: CommandContext): Promise<(slot: number) => string | null> {
  const client = new ClusterClient({ ...connectionOptions(given, context), requireFullCoverage: false });
  try {
    await client.connect();
    const { topology } = client;
    return (slot) => topology.nodeForSlot(slot)?.name ?? null;
  } finally {
    client.disconnect();
  }
}

function hashTagOf(key: string): string | null {
  const opening = key.indexOf('{');
  const closing = opening === -1 ? -1 : key.indexOf('}', opening);
  return closing > opening + 1 ? key.slice(opening + 1, closing) : null;
}

function printJson(places: readonly KeyPlace[], { terminal }: CommandContext): ExitCode {
  terminal.printJson(places);
  return EXIT.ok;
}

function printTable(places: readonly KeyPlace[], { terminal }: CommandContext): ExitCode {
  const withOwner = places[0].owner !== undefined;
  terminal.printTable(
    ['key', 'hash tag', 'slot', ...(withOwner ? ['owner'] : [])],
    places.map(({ key, hashTag, slot, owner }) => [
      printable(key),
      hashTag === null ? '-' : printable(hashTag),
      String(slot),
      ...(withOwner ? [owner ?? 'none'] : []),
    ]),
  );
  const slots = new Set(places.map(({ slot }) => slot));
  if (places.length > 1)
    terminal.print(slots.size === 1 ? 'All keys share a slot' : `The keys are in ${slots.size} slots`);
  return EXIT.ok;
}
