import type { Socket } from 'node:net';
import { seededRandom } from '../../../lib/testing/memory/keyspace/random.js';
import { SimulatedCluster } from '../servers/simulated-cluster.js';
import type { SimulatedNode } from '../servers/simulated-node.js';
import type { SlotMove } from '../servers/slot-moves.js';
import { VirtualTime } from '../time/virtual-time.js';
import { type Letter, LETTERS, type ScriptServers } from './script-servers.js';

/** Longer than anything takes, in virtual ms. */
const PATIENCE_MS = 5_000;

/** The simulated cluster, for scripts. */
export class SimulatedServers implements ScriptServers {
  private readonly time = new VirtualTime();
  private readonly cluster: SimulatedCluster;
  private move: SlotMove | undefined;

  /** @param checksQueuedKeys see `SlotView` */
  constructor(checksQueuedKeys: boolean) {
    this.cluster = new SimulatedCluster({ time: this.time, random: seededRandom(1), trace: () => {} });
    for (const node of this.cluster.nodes) node.checksQueuedKeys = checksQueuedKeys;
  }

  connect(node: Letter): Socket {
    return this.nodeAt(node).connect().clientEnd;
  }

  async until(isDone: () => boolean): Promise<boolean> {
    await this.time.pass(this.time.now + PATIENCE_MS, isDone);
    return isDone();
  }

  async pass(ms: number): Promise<void> {
    await this.time.pass(this.time.now + ms);
  }

  settle(): Promise<void> {
    return this.pass(100);
  }

  async beginMove(slot: number, from: Letter, to: Letter): Promise<void> {
    this.move = this.cluster.moves.open(slot, this.nodeAt(from), this.nodeAt(to));
  }

  async moveKey(key: string): Promise<void> {
    if (this.move !== undefined) this.cluster.moves.moveKey(this.move, key);
  }

  async endMove(): Promise<void> {
    this.cluster.moves.finish();
    await this.pass(1_000);
  }

  async failOver(replica: Letter): Promise<void> {
    this.cluster.failOver(LETTERS.indexOf(replica) - 3);
    await this.pass(1_000);
  }

  describe(node: Letter): { readonly host: string; readonly port: number; readonly id: string } {
    const { host, port, id } = this.nodeAt(node);
    return { host, port, id };
  }

  close(): void {
    this.cluster.close();
  }

  private nodeAt(node: Letter): SimulatedNode {
    return this.cluster.nodes[LETTERS.indexOf(node)];
  }
}
