import { CallLimit } from '../../cluster/command/call-limit.js';
import { TopologyError } from '../../cluster/common/errors.js';
import { keySlot } from '../../cluster/topology/key-slot.js';
import { retryUntil, type Attempt } from '../../cluster/retry/retry-until.js';
import { isTransientForReads } from '../../cluster/retry/transient.js';
import type { Argument } from '../../cluster/protocol/request-encoder.js';
import type { ClusterNode, ClusterTopology } from '../../cluster/topology/topology.js';
import { readScanPage } from './scan-page.js';
import type { ScanSource } from './scan-source.js';
import { readSlotOwnership, type SlotOwnership } from './slot-ownership.js';
import { SlotSet } from './slot-set.js';

/** A node at the time its walk began. */
interface WalkedNode {
  /** The id of the node. */
  readonly node: string;
  readonly epoch: string;
}

/** The walk over one node, as part of the walk over the cluster. */
export interface NodeWalk extends WalkedNode {
  /** The cursor of the node's SCAN. */
  readonly cursor: string;
  /** The slots of this walk: those still left that the node owned when it began, or those it is importing. */
  readonly owned: SlotSet;
  /** The slots among them that the node was already handing over when the walk began. */
  readonly given: SlotSet;
  /** The node that hands these slots over and was walked before; undefined if the walked node owns them. */
  readonly giver?: WalkedNode;
}

/** The position of a walk over all keys. */
export interface ScanPosition {
  /** Slots whose keys have not all been returned. */
  readonly left: SlotSet;
  /** The node that is being walked; undefined if the next one has to be chosen. */
  readonly walk?: NodeWalk;
}

/** One page of a walk. */
export interface ClusterPage {
  readonly keys: Buffer[];
  /** The position of the next page; undefined after the last one. */
  readonly next: ScanPosition | undefined;
}

/**
 * Returns the page at a position, which may be empty. If a node does not reply, its walk starts over later.
 * @throws TopologyError if no node replies for `deadlineMs`, or none of those that do owns a remaining slot
 */
export async function scanPageOfCluster(
  source: ScanSource,
  words: readonly Argument[],
  { left, walk }: ScanPosition,
): Promise<ClusterPage> {
  const limit = new CallLimit('SCAN', source.deadlineMs, undefined);
  let topology = await source.topology();
  let isFresh = true;
  return retryUntil<ClusterPage>(
    limit,
    async () => {
      if (!isFresh) {
        topology = await source.refreshTopology();
        // slots without an owner hold nothing to read; the client is configured to work without them
        left = left.filter((slot) => topology.nodeForSlot(slot) !== undefined);
      }
      isFresh = false;
      const page = await pageOfSomeNode(source, words, topology, { left, walk });
      walk = undefined;
      return page;
    },
    (lastError) => stuck(left.size, source.deadlineMs, lastError),
  );
}

/** Reads a page from the node that is being walked, or else from the first that owns remaining slots and replies. */
async function pageOfSomeNode(
  source: ScanSource,
  words: readonly Argument[],
  topology: ClusterTopology,
  { left, walk }: ScanPosition,
): Promise<Attempt<ClusterPage>> {
  if (left.size === 0) return { result: { keys: [], next: undefined } };
  const silent = new Set<string>();
  let lastError: Error | undefined;
  let node = walk && nodeById(topology, walk.node);
  if (node === undefined) walk = undefined;
  for (node ??= ownerOfSome(topology, left, silent); node !== undefined;) {
    try {
      walk ??= await beginWalk(source, node, left);
      if (walk !== undefined) return { result: await readPage(source, words, node, { left, walk }) };
    } catch (error) {
      if (!isTransientForReads(error)) throw error;
      lastError = error;
    }
    silent.add(node.id);
    walk = undefined;
    node = ownerOfSome(topology, left, silent);
  }
  return { lastError };
}

/**
 * Returns the error for a scan that has made no progress until its deadline.
 * @param cause why nodes did not answer; undefined where they answered and none kept the slots long enough.
 */
export function stuck(slots: number, deadlineMs: number, cause: Error | undefined): TopologyError {
  const progress = `The scan made no progress within ${deadlineMs} ms: ${slots} slots have not been read, `;
  if (cause !== undefined)
    return new TopologyError('NO_NODE_REACHABLE', `${progress}because no node that owns them answers`, {
      cause,
    });
  return new TopologyError(
    'SLOTS_KEEP_MOVING',
    `${progress}because they kept moving between nodes while they were read. Scan when the migration is over`,
  );
}

/** Starts the walk over a node. Undefined if the node owns no remaining slot, whatever the topology says. */
async function beginWalk(
  source: ScanSource,
  node: ClusterNode,
  left: SlotSet,
): Promise<NodeWalk | undefined> {
  const { epoch, owned, givenTo } = await readSlotOwnership(source, node);
  const walked = left.filter((slot) => owned.has(slot));
  if (walked.size === 0) return undefined;
  const given = walked.filter((slot) => givenTo.has(slot));
  return { node: node.id, epoch, cursor: '0', owned: walked, given };
}

async function readPage(
  source: ScanSource,
  words: readonly Argument[],
  node: ClusterNode,
  { left, walk }: Required<ScanPosition>,
): Promise<ClusterPage> {
  const reply = await source.onNode(node, 'scan', [walk.cursor, ...words]);
  const [cursor, found] = readScanPage<Buffer>(reply);
  // hash the bytes: as text, a key that is not UTF-8 would appear to be in another slot
  const keys = found.filter((key) => walk.owned.has(keySlot(key)));
  if (String(cursor) !== '0') return { keys, next: { left, walk: { ...walk, cursor: String(cursor) } } };
  const next = await (walk.giver === undefined ? endOfOwner : endOfReceiver)(source, node, { left, walk });
  return { keys, next: next.left.size === 0 ? undefined : next };
}

/**
 * Returns what is left after an owner was walked: the slots that it did not own, or was handing over, at the
 * start or at the end of its walk.
 */
async function endOfOwner(
  source: ScanSource,
  node: ClusterNode,
  { left, walk }: Required<ScanPosition>,
): Promise<ScanPosition> {
  const after = await readSlotOwnership(source, node);
  if (after.epoch !== walk.epoch) return { left };
  const keptBy = (slot: number): boolean => after.owned.has(slot) && !after.givenTo.has(slot);
  const rest = left.filter((slot) => !(walk.owned.has(slot) && !walk.given.has(slot) && keptBy(slot)));
  const given = rest.filter((slot) => walk.owned.has(slot) && after.givenTo.has(slot));
  const [first] = given;
  if (first === undefined) return { left: rest };
  const receiverId = after.givenTo.get(first);
  const receiver = nodeById(await source.refreshTopology(), receiverId);
  if (receiver === undefined) {
    source.reportUnknownNode();
    return { left: rest };
  }
  const { epoch } = await readSlotOwnership(source, receiver);
  const owned = given.filter((slot) => after.givenTo.get(slot) === receiverId);
  const giver = { node: walk.node, epoch: walk.epoch };
  return {
    left: rest,
    walk: { node: receiver.id, epoch, cursor: '0', owned, given: SlotSet.of([]), giver },
  };
}

/**
 * Returns what is left after a receiver was walked, which happens after the walk of the giver, as keys only
 * move that way. A slot does not count as walked if the receiver owns it by now and is already handing it on:
 * its keys may have gone back to the giver.
 */
async function endOfReceiver(
  source: ScanSource,
  node: ClusterNode,
  { left, walk }: Required<ScanPosition>,
): Promise<ScanPosition> {
  const giver = nodeById(await source.topology(), walk.giver?.node);
  if (giver === undefined) return { left };
  const [given, received]: SlotOwnership[] = await Promise.all([
    readSlotOwnership(source, giver),
    readSlotOwnership(source, node),
  ]);
  if (given.epoch !== walk.giver?.epoch || received.epoch !== walk.epoch) return { left };
  const moved = (slot: number): boolean =>
    given.givenTo.get(slot) === walk.node || (received.owned.has(slot) && !received.givenTo.has(slot));
  return { left: left.filter((slot) => !(walk.owned.has(slot) && moved(slot))) };
}

function ownerOfSome(
  { primaries }: ClusterTopology,
  left: SlotSet,
  silent: ReadonlySet<string>,
): ClusterNode | undefined {
  const ownsSome = ({ slots }: ClusterNode): boolean =>
    slots.some(([first, last]) => {
      for (let slot = first; slot <= last; slot++) if (left.has(slot)) return true;
      return false;
    });
  return primaries.find((node) => !silent.has(node.id) && ownsSome(node));
}

const nodeById = ({ nodes }: ClusterTopology, id: string | undefined): ClusterNode | undefined =>
  nodes.find((node) => node.id === id);
