import { ProtocolError } from '../common/errors.js';
import { SLOT_COUNT } from './key-slot.js';
import type { SlotRange } from './topology.js';

/** A flag of a node in CLUSTER NODES. `master` and `slave` are in `role` instead. */
export type NodeFlag =
  'myself' | 'pfail' | 'fail' | 'handshake' | 'noaddr' | 'nofailover' | 'noflags' | (string & {});

/** A node, as another node (or itself) sees it. */
export interface SeenNode {
  /** 40 hex digits. */
  readonly id: string;
  /** Empty if the node does not know its own address, or no node knows it (`noaddr`). */
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly name: string;
  /** The port of the cluster bus. */
  readonly busPort: number;
  readonly hostname: string | undefined;
  readonly role: 'primary' | 'replica';
  /** The id of a replica's primary. */
  readonly primaryId: string | undefined;
  /** `pfail` is the server's `fail?`: only this node cannot reach it. */
  readonly flags: ReadonlySet<NodeFlag>;
  /** When the unanswered ping was sent (Unix time in ms); 0 if there is none. */
  readonly pingSentAt: number;
  /** When the last pong arrived (Unix time in ms). */
  readonly pongReceivedAt: number;
  readonly configEpoch: number;
  readonly linkState: 'connected' | 'disconnected';
  /** The slots that the node owns. */
  readonly slots: readonly SlotRange[];
  /** Slots that the node is handing over, with the id of the receiving node. Only reported by the node itself. */
  readonly migrating: ReadonlyMap<number, string>;
  /**
   * Slots that the node is receiving, with the id of the node that hands them over. Only reported by the node
   * itself.
   */
  readonly importing: ReadonlyMap<number, string>;
}

const RANGE = /^(\d+)(?:-(\d+))?$/;
const MIGRATION = /^\[(\d+)-([<>])-([0-9a-f]+)\]$/;
/** `[93->-<id>]`: the node is handing over the slot. */
const LEAVING = /^\[(\d+)->-/;
/** Before the slots a line has eight fields; see https://redis.io/commands/cluster-nodes/. */
const FIELDS = 8;
const ID_LENGTH = 40;

/** Reads the reply of CLUSTER NODES, or the lines of CLUSTER REPLICAS (https://redis.io/commands/cluster-nodes/). */
export function parseNodeLines(text: string): SeenNode[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(parseLine);
}

function parseLine(line: string): SeenNode {
  const [id, address, flagText, primaryId, pingSentAt, pongReceivedAt, epoch, link, ...slotTexts] =
    line.split(' ');
  if (link === undefined) throw new ProtocolError('A line of CLUSTER NODES has too few fields');
  const flags = new Set(flagText.split(',').map((flag) => (flag === 'fail?' ? 'pfail' : flag)));
  const replica = flags.delete('slave');
  flags.delete('master');
  const migrations = slotTexts.map((text) => MIGRATION.exec(text)).filter((match) => match !== null);
  const moving = (direction: '<' | '>'): Map<number, string> =>
    new Map(
      migrations.filter((match) => match[2] === direction).map(([, slot, , node]) => [Number(slot), node]),
    );
  return {
    id,
    ...parseAddress(address),
    role: replica ? 'replica' : 'primary',
    primaryId: primaryId === '-' ? undefined : primaryId,
    flags,
    pingSentAt: Number(pingSentAt),
    pongReceivedAt: Number(pongReceivedAt),
    configEpoch: Number(epoch),
    linkState: link === 'connected' ? 'connected' : 'disconnected',
    slots: slotTexts.flatMap(parseRange),
    migrating: moving('>'),
    importing: moving('<'),
  };
}

/** Parses `host:port@busPort`, followed by a hostname and other fields, each after a comma. The host may be IPv6. */
function parseAddress(text: string): Pick<SeenNode, 'host' | 'port' | 'name' | 'busPort' | 'hostname'> {
  const [address, hostname] = text.split(',');
  const [name, busPort = '0'] = address.split('@');
  const colon = name.lastIndexOf(':');
  return {
    host: name.slice(0, colon),
    port: Number(name.slice(colon + 1)),
    name,
    busPort: Number(busPort),
    hostname: hostname === '' || hostname?.includes('=') ? undefined : hostname,
  };
}

function parseRange(text: string): SlotRange[] {
  const range = RANGE.exec(text);
  return range === null ? [] : [[Number(range[1]), Number(range[2] ?? range[1])]];
}

/** Returns the id of the node that wrote a reply of CLUSTER NODES; undefined if it has none. */
export function authorOf(nodes: string): string | undefined {
  const flag = nodes.indexOf('myself');
  if (flag === -1) return undefined;
  const start = nodes.lastIndexOf('\n', flag) + 1;
  return nodes.slice(start, start + ID_LENGTH);
}

/**
 * Returns the slots that a reply of CLUSTER NODES leaves to a node for certain: those that it owns, without those that
 * it is handing over. Marks each with 1.
 */
export function claimsOf(nodes: string, id: string): Uint8Array<ArrayBuffer> {
  const slots = new Uint8Array(SLOT_COUNT);
  const start = nodes.startsWith(id) ? 0 : nodes.indexOf(`\n${id}`) + 1;
  if (start === 0 && !nodes.startsWith(id)) return slots;
  const end = nodes.indexOf('\n', start);
  const words = nodes
    .slice(start, end === -1 ? undefined : end)
    .trim()
    .split(' ');
  const leaving: number[] = [];
  for (const word of words.slice(FIELDS)) {
    const range = RANGE.exec(word);
    if (range !== null) slots.fill(1, Number(range[1]), Number(range[2] ?? range[1]) + 1);
    else leaving.push(Number(LEAVING.exec(word)?.[1] ?? -1));
  }
  for (const slot of leaving) if (slot >= 0) slots[slot] = 0;
  return slots;
}
