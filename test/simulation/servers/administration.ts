import type { SimulatedCluster } from './simulated-cluster.js';
import type { SimulatedNode } from './simulated-node.js';
import type { World } from './world.js';

/** The user of clients, and its password. */
export const CREDENTIALS = { username: 'app', password: 'secret' };

/** The longest time until a change has reached all nodes, in ms. */
export const ROLL_OUT_MS = 20;

/** What administrators do with the nodes of a simulated cluster. */
export class Administration {
  constructor(
    private readonly cluster: SimulatedCluster,
    private readonly world: World,
  ) {
    for (const { access } of cluster.nodes)
      access.setUser(CREDENTIALS.username, ['on', `>${CREDENTIALS.password}`, '~*', '&*', '+@all']);
  }

  /** Forbids commands for a while, on one node after the other. */
  forbid(rule: string, ms: number): void {
    const { time, random } = this.world;
    for (const { access } of this.cluster.nodes) {
      const set = (rights: string): void => void access.setUser(CREDENTIALS.username, [rights]);
      time.after(random() * ROLL_OUT_MS, () => set(`-${rule}`));
      time.after(ms + random() * ROLL_OUT_MS, () => set('+@all'));
    }
  }

  /** Makes a node refuse the password of clients for a while, and ends their connections. */
  lockOut(node: SimulatedNode, ms: number): void {
    const { username, password } = CREDENTIALS;
    node.access.setUser(username, [`<${password}`]);
    node.reset();
    this.world.time.after(ms, () => void node.access.setUser(username, [`>${password}`]));
  }

  /** Makes a node accept no more connections for a while, and ends those that it has. */
  limit(node: SimulatedNode, ms: number): void {
    node.maxClients = 0;
    node.reset();
    this.world.time.after(ms, () => (node.maxClients = Infinity));
  }
}
