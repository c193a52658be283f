import { keySlot } from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';
import { commandCalls, pubsubFactory } from './fixture.js';

const open = pubsubFactory();
let cluster: LocalCluster;
breakableCluster({ nodeTimeoutMs: 1_000 }, (whole) => void (cluster = whole));

const SLOT = keySlot('{a}');

/** The port of the primary of the slot, as a node sees it. */
async function primarySeenBy(node: LocalNode): Promise<unknown> {
  type Range = [start: number, end: number, primary: [host: string, port: number]];
  const ranges = (await cluster.command(node, 'CLUSTER', 'SLOTS')) as Range[];
  return ranges.find(([start, end]) => start <= SLOT && SLOT <= end)?.[2][1];
}

it('a primary that was frozen while a replica took over gets no further sharded messages, which it would accept', async () => {
  const primary = await cluster.primaryOfSlot(SLOT);
  const { pubsub } = open({ nodes: cluster.seeds, deadlineMs: 20_000, replyTimeoutMs: 200 });
  await pubsub.publishSharded('thawed-{a}', 0);
  const before = await commandCalls([primary], 'spublish');
  await cluster.freeze(primary);
  const sent = Promise.allSettled([pubsub.publishSharded('thawed-{a}', 1)]);
  const others = cluster.nodes.filter((node) => node !== primary);
  await eventually(async () => {
    const seen = await Promise.all(others.map(primarySeenBy));
    return seen.every((port) => port !== undefined && port !== primary.port);
  });
  await cluster.thaw(primary);
  await sent;
  for (let number = 2; number < 30; number++) await pubsub.publishSharded('thawed-{a}', number);
  // it executes what it had received
  expect((await commandCalls([primary], 'spublish')) - before).toBeLessThanOrEqual(1);
});
