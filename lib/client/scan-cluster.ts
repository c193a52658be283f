import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '../cluster/backoff.js';
import { ClusterError, InvalidArgumentError, ReplyError, TopologyError } from '../cluster/errors.js';
import { keySlot, SLOT_COUNT } from '../cluster/key-slot.js';
import { checkOptionNames } from '../cluster/option-names.js';
import { REFUSALS } from '../cluster/refusals.js';
import type { ClusterNode, ClusterTopology } from '../cluster/topology.js';
import { readScanPage } from './scan-page.js';
import { readSlotOwnership, type SlotOwnership } from './slot-ownership.js';

/** What a walk over keys or elements may be told. */
export interface ScanOptions {
  /** Glob pattern. */
  match?: string | undefined;
  /** Elements a round trip looks at, about; more is faster and blocks the server longer. */
  count?: number | undefined;
}

/** What a walk over all keys may be told. */
export interface KeyScanOptions extends ScanOptions {
  /** Only keys of this type (`string`, `hash`, …). */
  type?: string | undefined;
}

/** What the walk needs of the client. */
export interface ScanSource {
  /** The topology, read anew. */
  refreshTopology(): Promise<ClusterTopology>;
  /** Tells of a node that the topology should have and does not. */
  reportStranger(): void;
  /** Runs a command on one node; strings of the reply are Buffers. */
  onNode(node: ClusterNode, name: string, args: string[]): Promise<unknown>;
  /** How long the walk may go without getting on, in ms. */
  readonly deadlineMs: number;
}

/**
 * Walks over all keys of the cluster, a page at a time. A key that exists throughout is given at least once, whatever
 * the slots do meanwhile: a slot counts as walked only if one node owned it, and was not handing it over, from the start
 * of its walk to the end. That it was away in between is told by the node's epoch. What is left is walked again; a slot
 * that is being handed over is walked on both sides, the giving one first, as keys move that way only. What no server
 * tells of afterwards is a migration that was begun and given up in between: keys that went away and came back behind the
 * cursor are not given.
 *
 * @throws TopologyError or the last obstacle where nothing gets on for `deadlineMs`
 */
export async function* scanCluster(
  source: ScanSource,
  options: KeyScanOptions,
): AsyncGenerator<Buffer[], void, undefined> {
  const words = scanWords(options);
  const left = new Set(Array.from({ length: SLOT_COUNT }, (_, slot) => slot));
  let progressAt = performance.now();
  let obstacle: unknown;
  for (let pass = 1; left.size > 0; pass++) {
    const topology = await source.refreshTopology();
    const before = left.size;
    for (const node of topology.primaries) {
      try {
        yield* walkOwner(source, node, words, left);
      } catch (error) {
        if (!isPassing(error)) throw error;
        obstacle = error;
      }
    }
    // slots without any owner hold nothing that could be read; the client was told to go on without them
    for (const slot of left) if (topology.nodeForSlot(slot) === undefined) left.delete(slot);
    if (left.size < before) progressAt = performance.now();
    else if (performance.now() - progressAt > source.deadlineMs) throw stuck(left.size, obstacle);
    else await delay(backoffMs(pass));
  }
}

/** Walks one node's keys of the slots that are left; those it owned all the while are done then. */
async function* walkOwner(
  source: ScanSource,
  node: ClusterNode,
  words: readonly string[],
  left: Set<number>,
): AsyncGenerator<Buffer[], void, undefined> {
  const before = await readSlotOwnership(source, node);
  if (!intersects(before.owned, left)) return;
  yield* walkNode(source, node, words, left);
  const after = await readSlotOwnership(source, node);
  if (after.epoch !== before.epoch) return;
  for (const slot of before.owned) {
    if (after.owned.has(slot) && !before.givenTo.has(slot) && !after.givenTo.has(slot)) left.delete(slot);
  }
  for (const [receiver, slots] of receivers(before, after, left)) {
    yield* walkReceiver(source, node, before.epoch, receiver, words, slots, left);
  }
}

/** Walks what a node has received of slots that another one is handing over, after that one was walked. */
async function* walkReceiver(
  source: ScanSource,
  giver: ClusterNode,
  giverEpoch: string,
  receiverId: string,
  words: readonly string[],
  slots: ReadonlySet<number>,
  left: Set<number>,
): AsyncGenerator<Buffer[], void, undefined> {
  const topology = await source.refreshTopology();
  const receiver = topology.nodes.find((node) => node.id === receiverId);
  if (receiver === undefined) return source.reportStranger();
  const { epoch } = await readSlotOwnership(source, receiver);
  yield* walkNode(source, receiver, words, slots);
  const [given, received] = await Promise.all([
    readSlotOwnership(source, giver),
    readSlotOwnership(source, receiver),
  ]);
  if (given.epoch !== giverEpoch || received.epoch !== epoch) return;
  for (const slot of slots) {
    if (given.givenTo.get(slot) === receiverId || received.owned.has(slot)) left.delete(slot);
  }
}

async function* walkNode(
  source: ScanSource,
  node: ClusterNode,
  words: readonly string[],
  slots: ReadonlySet<number>,
): AsyncGenerator<Buffer[], void, undefined> {
  let cursor = '0';
  do {
    const [next, found] = readScanPage<Buffer>(await source.onNode(node, 'scan', [cursor, ...words]));
    cursor = String(next);
    // by their bytes: as text, a key that is not UTF-8 would seem to be in another slot
    const keys = found.filter((key) => slots.has(keySlot(key)));
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}

/** Those of Node's streams among them: callers of ioredis' scan streams may give some, and they change nothing here. */
const SCAN_OPTIONS = ['match', 'count', 'type', 'objectMode', 'highWaterMark'];

/** The words of SCAN and its sisters behind the cursor. @throws InvalidArgumentError */
export function scanWords(options: KeyScanOptions): string[] {
  checkOptionNames('a scan', options, SCAN_OPTIONS);
  const { match, count, type } = options;
  const words: string[] = [];
  if (match !== undefined) words.push('MATCH', match);
  if (count !== undefined) {
    if (!Number.isInteger(count) || count < 1) {
      throw new InvalidArgumentError('count', 'count must be a whole number of at least 1');
    }
    words.push('COUNT', String(count));
  }
  if (type !== undefined) words.push('TYPE', type);
  return words;
}

/** Slots that were being handed over at the start and the end of a walk, by who receives them. */
function receivers(
  before: SlotOwnership,
  after: SlotOwnership,
  left: ReadonlySet<number>,
): Map<string, Set<number>> {
  const slots = new Map<string, Set<number>>();
  for (const [slot, receiver] of [...before.givenTo, ...after.givenTo]) {
    if (!left.has(slot)) continue;
    const known = slots.get(receiver);
    if (known === undefined) slots.set(receiver, new Set([slot]));
    else known.add(slot);
  }
  return slots;
}

/** A node could not answer for the moment; it, or whoever takes its place, is asked again. */
function isPassing(error: unknown): boolean {
  if (error instanceof ReplyError) return REFUSALS.has(error.code);
  return error instanceof ClusterError && error.retryable;
}

function intersects(some: ReadonlySet<number>, others: ReadonlySet<number>): boolean {
  for (const one of some) if (others.has(one)) return true;
  return false;
}

function stuck(slots: number, cause: unknown): TopologyError {
  return new TopologyError('NO_NODE_REACHABLE', `The scan does not get on: ${slots} slots cannot be read`, {
    cause,
  });
}
