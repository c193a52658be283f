import type { Credentials, CredentialsProvider } from '../../../lib/cluster/options/credentials.js';
import type { SimulatedCluster } from './simulated-cluster.js';
import type { SimulatedNode } from './simulated-node.js';
import type { World } from './world.js';

/** The user of clients. */
const USERNAME = 'app';

/** The longest time until a change has reached all nodes, in ms. */
export const ROLL_OUT_MS = 20;

/** What administrators do with the nodes of a simulated cluster. */
export class Administration {
  /** The password of clients, as they are told; a node may expect another one for a while. */
  private password = 'secret';
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly cluster: SimulatedCluster,
    private readonly world: World,
  ) {
    for (const { access } of cluster.nodes) {
      access.setUser(USERNAME, ['on', `>${this.password}`, '~*', '&*', '+@all']);
      // a connection that has not authenticated may do nothing
      access.setUser('default', ['off']);
    }
  }

  /** What clients ask for their credentials. @param isTold whether they hear of new ones */
  credentialsProvider(isTold: boolean): CredentialsProvider {
    const provider = (): Credentials => ({ username: USERNAME, password: this.password });
    if (!isTold) return provider;
    const onChange = (listener: () => void): (() => void) => {
      this.listeners.add(listener);
      return () => void this.listeners.delete(listener);
    };
    return Object.assign(provider, { onChange });
  }

  /**
   * Replaces the password of clients: nodes accept the new one, too, then clients are told of it, and then nodes refuse
   * the old one and end their connections. Some nodes do so before clients know the new one.
   */
  rotate(ms: number): void {
    const { time, random } = this.world;
    const [old, next] = [this.password, `secret-${Math.round(time.now)}`];
    for (const node of this.cluster.nodes) {
      time.after(random() * ROLL_OUT_MS, () => void node.access.setUser(USERNAME, [`>${next}`]));
      time.after(ROLL_OUT_MS + random() * ms, () => {
        node.access.setUser(USERNAME, [`<${old}`]);
        node.reset();
      });
    }
    time.after(ROLL_OUT_MS + random() * ms, () => {
      this.password = next;
      for (const listener of this.listeners) listener();
    });
  }

  /** Forbids commands for a while, on one node after the other. */
  forbid(rule: string, ms: number): void {
    const { time, random } = this.world;
    for (const { access } of this.cluster.nodes) {
      const set = (rights: string): void => void access.setUser(USERNAME, [rights]);
      time.after(random() * ROLL_OUT_MS, () => set(`-${rule}`));
      time.after(ms + random() * ROLL_OUT_MS, () => set('+@all'));
    }
  }

  /** Makes a node refuse the password of clients for a while, and ends their connections. */
  lockOut(node: SimulatedNode, ms: number): void {
    const { password } = this;
    node.access.setUser(USERNAME, [`<${password}`]);
    node.reset();
    this.world.time.after(ms, () => void node.access.setUser(USERNAME, [`>${password}`]));
  }

  /** Makes a node accept no more connections for a while, and ends those that it has. */
  limit(node: SimulatedNode, ms: number): void {
    node.maxClients = 0;
    node.reset();
    this.world.time.after(ms, () => (node.maxClients = Infinity));
  }
}
