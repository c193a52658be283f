import type { LocalCluster, NodeReference } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';

const EPOCH_FIELD = 6;

/**
 * Waits until all nodes know each other's configuration epoch, to be called before a slot moves on. A server gives
 * itself a new epoch for a slot that it takes over, unless it believes to have the highest; one that takes a slot back
 * before it has heard of the last one's epoch is not believed by whoever has heard of it.
 */
export async function epochsAreKnown(cluster: LocalCluster): Promise<void> {
  await eventually(async () => {
    const running = cluster.nodes.filter(({ state }) => state === 'running');
    const replies = await Promise.all(running.map((node) => cluster.command(node, 'CLUSTER', 'NODES')));
    const views = replies.map((reply) =>
      String(reply)
        .trim()
        .split('\n')
        .map((line) => line.split(' ')),
    );
    const own = new Map(
      views
        .flatMap((lines) => lines.filter(([, , flags]) => /myself,master/.test(flags)))
        .map((line) => [line[0], line[EPOCH_FIELD]]),
    );
    expect(new Set(own.values()).size).toBe(own.size);
    for (const lines of views) {
      for (const line of lines) if (own.has(line[0])) expect(line[EPOCH_FIELD]).toBe(own.get(line[0]));
    }
  });
}

/** Moves slots, and waits until they may be moved on. */
export async function moveSlots(
  cluster: LocalCluster,
  slots: Iterable<number>,
  from: NodeReference,
  to: NodeReference,
): Promise<void> {
  await cluster.migrateSlots(slots, from, to);
  await epochsAreKnown(cluster);
}
