import { keySlot } from '../../../lib/cluster/topology/key-slot.js';
import type { Administration } from '../servers/administration.js';
import type { SimulatedCluster } from '../servers/simulated-cluster.js';
import type { Fault } from './schedule.js';

/** Makes a fault happen now. */
export function inject(cluster: SimulatedCluster, administration: Administration, fault: Fault): void {
  switch (fault.fault) {
    case 'freeze':
    case 'kill':
    case 'isolate':
      return cluster[fault.fault](cluster.nodes[fault.node], fault.ms);
    case 'cutOff':
      return cluster.cutOff(cluster.nodes[fault.node], fault.directions, fault.ms);
    case 'refuse':
      return cluster.refuse(cluster.nodes[fault.node], fault.reply, fault.ms);
    case 'reset':
      return cluster.nodes[fault.node].reset();
    case 'vanish':
      return cluster.vanish(cluster.nodes[fault.node], fault.share);
    case 'flushScripts':
      return void cluster.nodes[fault.node].memory.run(['script', 'flush']);
    case 'move':
      return cluster.move(keySlot(fault.tag), fault.shard, fault.pauseMs);
    case 'forbid':
      return administration.forbid(fault.rule, fault.ms);
    case 'rotate':
      return administration.rotate(fault.ms);
    case 'lockOut':
    case 'limit':
      return administration[fault.fault](cluster.nodes[fault.node], fault.ms);
    case 'lag':
      return cluster.nodes[fault.node].hearNothing(fault.ms);
    case 'failOver':
      return cluster.failOver(fault.shard, fault.ms);
  }
}
