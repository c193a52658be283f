import { setTimeout as delay } from 'node:timers/promises';
import { keySlot } from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import type { Shards } from '../shards.js';
import type { Form, Stage } from '../scenario.js';

/** One of two values, by the form of the matrix. */
export const sized = ({ form }: { form: Form }, short: number, full: number): number =>
  form === 'full' ? full : short;

/** The primary of a shard as it is now. */
export function primaryOf(cluster: LocalCluster, shards: Shards, shard: number): Promise<LocalNode> {
  return cluster.primaryOfSlot(keySlot(shards.tags(shard, 1)[0]));
}

/** A replica of a primary. */
export async function replicaOf({ cluster }: Stage, primary: LocalNode): Promise<LocalNode> {
  for (const node of cluster.nodes.filter(({ state }) => state === 'running')) {
    const [role, , port] = (await cluster.command(node, 'ROLE')) as unknown[];
    if (role === 'slave' && port === primary.port) return node;
  }
  throw new Error(`No replica follows ${primary.name}`);
}

/** Waits until a running node other than this one owns the slots of a shard. */
export async function untilReplaced(
  { cluster }: Stage,
  shards: Shards,
  shard: number,
  gone: LocalNode,
): Promise<LocalNode> {
  const end = performance.now() + 30_000;
  for (;;) {
    const owner = await primaryOf(cluster, shards, shard).catch(() => undefined);
    if (owner !== undefined && owner !== gone) return owner;
    if (performance.now() > end) throw new Error(`Nobody took over from ${gone.name}`);
    await delay(50);
  }
}
