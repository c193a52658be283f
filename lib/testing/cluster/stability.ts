import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import type { ClusterView, ViewedNode } from '../server/cluster-view.js';
import type { LocalNode } from '../server/local-node.js';

/** How each node sees the cluster, or why that could not be learnt. */
export type Views = ReadonlyMap<LocalNode, ClusterView | Error>;

/**
 * What keeps the running nodes from being a stable cluster: every view says ok, all views give every slot to the
 * same running node and every node the same role, all replicas follow their primaries, and clients learn of them.
 * Undefined when nothing does.
 */
export async function whatIsUnstable(views: Views): Promise<string | undefined> {
  const seen: [LocalNode, ClusterView][] = [];
  for (const [node, view] of views) {
    if (view instanceof Error) return view.message;
    seen.push([node, view]);
  }
  const first = seen[0];
  if (first === undefined) return 'no node is running';
  const running = new Map(seen.map(([node, view]) => [node.id, view.myself]));
  return (
    strangers(seen, running) ??
    unowned(first[1], new Set(running.keys())) ??
    firstOf(seen, ([node, view]) =>
      view.ok ? undefined : `${node.name} says that the cluster's state is fail`,
    ) ??
    firstOf(seen, ([node, view]) =>
      slotOwners(view) === slotOwners(first[1])
        ? undefined
        : `${node.name} and ${first[0].name} disagree about who owns which slots`,
    ) ??
    firstOf(seen, ([node, view]) => unsynced(node, view, running)) ??
    unreported(seen)
  );
}

/** A running node that another does not know, cannot reach, or sees in another role than it sees itself. */
function strangers(
  seen: readonly [LocalNode, ClusterView][],
  running: ReadonlyMap<string, ViewedNode>,
): string | undefined {
  return firstOf(seen, ([observer, view]) =>
    firstOf(seen, ([node]) => {
      const other = view.nodes.get(node.id);
      const itself = running.get(node.id);
      if (other === undefined) return `${observer.name} does not know ${node.name}`;
      if (other.trouble !== undefined)
        return `in the eyes of ${observer.name}, ${node.name} ${other.trouble}`;
      if (other.role !== itself?.role || other.primaryId !== itself.primaryId) {
        return `${observer.name} does not see the role of ${node.name} as it does itself`;
      }
      return undefined;
    }),
  );
}

function unowned(view: ClusterView, running: ReadonlySet<string>): string | undefined {
  const owners = [...view.nodes.values()].filter((node) => running.has(node.id));
  const covered = owners
    .flatMap((node) => node.slots)
    .reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return covered === SLOT_COUNT ? undefined : `running nodes own ${covered} of ${SLOT_COUNT} slots`;
}

function unsynced(
  node: LocalNode,
  view: ClusterView,
  running: ReadonlyMap<string, ViewedNode>,
): string | undefined {
  if (view.myself.role === 'replica')
    return view.linkUp ? undefined : `${node.name} does not follow its primary yet`;
  const replicas = [...running.values()].filter((other) => other.primaryId === node.id).length;
  return view.onlineReplicas >= replicas ? undefined : `${node.name} does not send to all its replicas yet`;
}

/** An entry of CLUSTER SLOTS: the first and last slot, then nodes. */
type SlotsEntry = [first: number, last: number, ...nodes: [host: string, port: number, id: string][]];

/** A replica that a node does not report to clients, although it reports its primary: it has not heard of its offset. */
async function unreported(seen: readonly [LocalNode, ClusterView][]): Promise<string | undefined> {
  for (const [observer] of seen) {
    const entries = (await observer.ask((node) => node.call('CLUSTER', 'SLOTS'))) as SlotsEntry[];
    const reported = new Set(entries.flatMap(([, , ...nodes]) => nodes.map(([, , id]) => id)));
    const missing = seen.find(
      ([node, { myself }]) => reported.has(myself.primaryId ?? '') && !reported.has(node.id),
    );
    if (missing !== undefined) return `${observer.name} does not report ${missing[0].name} to clients yet`;
  }
  return undefined;
}

/** Who owns what, as text to compare. */
function slotOwners(view: ClusterView): string {
  const owners = [...view.nodes.values()].filter((node) => node.slots.length > 0);
  return owners
    .map((node) => `${node.id} ${node.slots.join(' ')}`)
    .toSorted()
    .join('\n');
}

function firstOf<T>(items: readonly T[], find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
