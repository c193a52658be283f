import { SLOT_COUNT } from './key-slot.js';

const RANGE = /^(\d+)(?:-(\d+))?$/;
/** `[93->-<id>]`: the node is handing over the slot. */
const LEAVING = /^\[(\d+)->-/;
/** Before the slots a line has eight fields; see https://redis.io/commands/cluster-nodes/. */
const FIELDS = 8;
const ID_LENGTH = 40;

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
export function slotsOf(nodes: string, id: string): Uint8Array<ArrayBuffer> {
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
