import { monotonicMs } from '../../cluster/common/timers.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import { ReplyError } from '../../cluster/common/errors.js';
import type { SlotRange } from '../server/cluster-view.js';
import type { ResolvedLocalClusterOptions } from '../common/local-cluster-options.js';
import type { LocalNode } from '../server/local-node.js';
import type { NodeLauncher } from '../server/node-launcher.js';
import { untilNothingMissing, type WaitOptions } from '../common/poll.js';

/** A handshake that got lost is tried again after this long. */
const HANDSHAKE_MS = 1_500;

/**
 * Starts new nodes and makes them a cluster: slots for the primaries, all known to each other, replicas on their way.
 * @returns the nodes, primaries first
 */
export async function formCluster(
  { options }: { readonly options: ResolvedLocalClusterOptions },
  launcher: NodeLauncher,
): Promise<LocalNode[]> {
  const { primaries, replicasPerPrimary, startTimeoutMs, signal } = options;
  const wait = { timeoutMs: startTimeoutMs, signal };
  const nodes = await launcher.launch(primaries * (1 + replicasPerPrimary), signal);
  await Promise.all(slotShares(primaries).map((share, i) => giveSlots(nodes[i], share, i + 1)));
  await introduce(nodes, nodes, wait);
  const replicas = nodes.slice(primaries);
  await Promise.all(replicas.map((node, i) => becomeReplica(node, nodes[i % primaries], wait)));
  return nodes;
}

/** Even shares of the slots. */
function slotShares(count: number): SlotRange[] {
  const start = (share: number): number => Math.round((share * SLOT_COUNT) / count);
  return Array.from({ length: count }, (_, share) => [start(share), start(share + 1) - 1]);
}

/** Gives a fresh primary its slots, and a configuration epoch that no other has. */
async function giveSlots(node: LocalNode, [first, last]: SlotRange, epoch: number): Promise<void> {
  const slots = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  await node.connection.call('CLUSTER', 'SET-CONFIG-EPOCH', epoch);
  await node.connection.call('CLUSTER', 'ADDSLOTS', ...slots);
}

/** Makes every newcomer known to all others directly, as waiting for gossip takes seconds. */
export async function introduce(
  newcomers: readonly LocalNode[],
  all: readonly LocalNode[],
  options: WaitOptions,
): Promise<void> {
  const pairs = newcomers.flatMap((node, i) =>
    all.filter((other) => !newcomers.slice(0, i + 1).includes(other)).map((other) => [node, other] as const),
  );
  let metAt = -Infinity;
  await untilNothingMissing(
    'Introducing the nodes to each other',
    async () => {
      const known = new Map(
        await Promise.all(all.map(async (node) => [node, await acquaintances(node)] as const)),
      );
      const unmet = pairs.filter(([a, b]) => !known.get(a)?.has(b.id) || !known.get(b)?.has(a.id));
      if (unmet.length === 0) return undefined;
      if (monotonicMs() - metAt > HANDSHAKE_MS) {
        metAt = monotonicMs();
        await Promise.all(unmet.map(([a, b]) => a.connection.call('CLUSTER', 'MEET', b.host, b.port)));
      }
      return `${unmet[0][0].name} and ${unmet[0][1].name} do not know each other`;
    },
    options,
  );
}

async function acquaintances(node: LocalNode): Promise<Set<string>> {
  const view = await node.view();
  const introduced = [...view.nodes.values()].filter((other) => other.trouble === undefined);
  return new Set(introduced.map((other) => other.id));
}

/** Makes a node without slots a replica, as soon as it has learnt that the other is a primary. */
export async function becomeReplica(
  node: LocalNode,
  primary: LocalNode,
  options: WaitOptions,
): Promise<void> {
  await untilNothingMissing(
    `Making ${node.name} a replica of ${primary.name}`,
    async () => {
      try {
        await node.connection.call('CLUSTER', 'REPLICATE', primary.id);
        return undefined;
      } catch (error) {
        if (!(error instanceof ReplyError)) throw error;
        return error.message;
      }
    },
    options,
  );
}
