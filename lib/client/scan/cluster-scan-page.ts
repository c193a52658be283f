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

/** A node as it was when its walk began. */
interface WalkedNode {
  /** The id it has in the cluster. */
  readonly node: string;
  readonly epoch: string;
}

/** The walk over one node, part of that over the cluster. */
export interface NodeWalk extends WalkedNode {
  /** The node's own. */
  readonly cursor: string;
  /** Slots that are walked: those left that the node owned at the beginning, or those it is receiving. */
  readonly owned: SlotSet;
  /** Those among them that it was handing over then. */
  readonly given: SlotSet;
  /** Who hands these slots over, and was walked before; undefined where the node owns them. */
  readonly giver?: WalkedNode;
}

/** Where a walk over all keys stands. */
export interface ScanPosition {
  /** Slots whose keys have not all been given. */
  readonly left: SlotSet;
  /** The node that is being walked; without one, the next is looked for. */
  readonly walk?: NodeWalk;
}

/** One page of a walk. */
export interface ClusterPage {
  readonly keys: Buffer[];
  /** Where the next page begins; undefined after the last one. */
  readonly next: ScanPosition | undefined;
}

/**
 * The page at a position, which may be empty. A node that does not answer is left for later, and its walk begins again.
 * @throws TopologyError where no node answers for `deadlineMs`
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
        // slots without any owner hold nothing that could be read; the client was told to go on without them
        left = left.filter((slot) => topology.nodeForSlot(slot) !== undefined);
      }
      isFresh = false;
      const page = await pageOfSomeNode(source, words, topology, { left, walk });
      walk = undefined;
      return page;
    },
    (lastError) => stuck(left.size, lastError),
  );
}

/** A page of the node that is being walked, or else of the first that owns some of what is left and answers. */
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

/** The error for a walk that does not get on. */
export function stuck(slots: number, cause: unknown): TopologyError {
  return new TopologyError('NO_NODE_REACHABLE', `The scan does not get on: ${slots} slots cannot be read`, {
    cause,
  });
}

/** Undefined where the node owns nothing of what is left, whatever the topology says. */
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
  // by their bytes: as text, a key that is not UTF-8 would seem to be in another slot
  const keys = found.filter((key) => walk.owned.has(keySlot(key)));
  if (String(cursor) !== '0') return { keys, next: { left, walk: { ...walk, cursor: String(cursor) } } };
  const next = await (walk.giver === undefined ? endOfOwner : endOfReceiver)(source, node, { left, walk });
  return { keys, next: next.left.size === 0 ? undefined : next };
}

/** What is left after a node was walked: what it did not own, or was handing over, at one time or the other. */
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
 * The same for the node that receives slots, after the giving one was walked: keys move that way only. A slot that the
 * receiver owns by now and is already handing on does not count, for its keys may have gone back to the giver.
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
