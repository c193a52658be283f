import { ClusterTopology } from 'keyslot';
import type { NodeChannel } from '../../lib/cluster/connection/node-channel.js';
import { ReplicaMonitor } from '../../lib/cluster/routing/replica-monitor.js';

describe('knowledge about nodes', () => {
  const topology = ClusterTopology.of([
    {
      primary: { id: 'a', host: '10.0.0.1', port: 7000 },
      replicas: [{ id: 'b', host: '10.0.0.2', port: 7000 }],
      slots: [[0, 16_383]],
    },
  ]);
  const [primary] = topology.primaries;
  const [replica] = topology.replicas;

  it('is kept for nodes that stay, and dropped for nodes that are gone', () => {
    const monitor = new ReplicaMonitor(
      () => topology,
      () => ({ fit: true }) as NodeChannel,
      () => {},
    );
    for (const node of [primary, replica]) monitor.markUnfit(node.name);
    expect([monitor.isFit(primary), monitor.isFit(replica)]).toEqual([false, false]);
    monitor.forget((name) => name === replica.name);
    expect([monitor.isFit(primary), monitor.isFit(replica)]).toEqual([false, true]);
  });
});
