import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { LocalCluster, type LocalNode, type SlotMigration } from 'keyslot/testing';
import { type Letter, LETTERS, type ScriptServers } from './script-servers.js';

/** How long a reply may take on a busy machine, and how often conditions are checked, in ms. */
const PATIENCE_MS = 20_000;
const PAUSE_MS = 1;

/** A cluster of real servers, for scripts. */
export class RealServers implements ScriptServers {
  private move: SlotMigration | undefined;

  private constructor(
    private readonly cluster: LocalCluster,
    private readonly nodes: Readonly<Record<Letter, LocalNode>>,
  ) {}

  static async start(): Promise<RealServers> {
    const cluster = await LocalCluster.start();
    const slots = await slotsOf(cluster, cluster.nodes[0]);
    const shards = slots.toSorted(([a], [b]) => a - b).map(([, , primary, replica]) => [primary, replica]);
    const nodeAt = (shard: number, member: number): LocalNode => {
      const [, port] = shards[shard][member];
      return cluster.nodes.find((node) => node.port === port) as LocalNode;
    };
    const nodes = Object.fromEntries(LETTERS.map((letter, at) => [letter, nodeAt(at % 3, at < 3 ? 0 : 1)]));
    return new RealServers(cluster, nodes as Record<Letter, LocalNode>);
  }

  /** Whether they look for the keys of a command that they queue. */
  async checkQueuedKeys(): Promise<boolean> {
    const info = String(await this.cluster.command(this.nodes.A, 'INFO', 'server'));
    return Number(/^valkey_version:(\d+)/m.exec(info)?.[1] ?? 0) < 9;
  }

  connect(node: Letter): Socket {
    const { host, port } = this.nodes[node];
    return connect(port, host).setNoDelay();
  }

  async until(isDone: () => boolean): Promise<boolean> {
    const end = performance.now() + PATIENCE_MS;
    while (!isDone() && performance.now() < end) await delay(PAUSE_MS);
    return isDone();
  }

  async pass(ms: number): Promise<void> {
    await delay(ms);
  }

  async settle(): Promise<void> {
    await this.cluster.waitUntilStable();
    for (const replica of this.cluster.replicas)
      for (const primary of this.cluster.primaries) await this.hasAll(replica, primary);
  }

  async beginMove(slot: number, from: Letter, to: Letter): Promise<void> {
    this.move = await this.cluster.beginSlotMigration(slot, this.nodes[from], this.nodes[to]);
  }

  async moveKey(key: string): Promise<void> {
    await this.move?.moveKeys({ keys: [key] });
  }

  async endMove(): Promise<void> {
    await this.move?.finish();
    await this.cluster.waitUntilStable();
  }

  async failOver(replica: Letter): Promise<void> {
    await this.cluster.failover(this.nodes[replica]);
    await this.cluster.waitUntilStable();
  }

  describe(node: Letter): { readonly host: string; readonly port: number; readonly id: string } {
    return this.nodes[node];
  }

  async close(): Promise<void> {
    await this.cluster.stop();
  }

  /** Waits until a replica has what its primary has written. */
  private async hasAll(replica: LocalNode, primary: LocalNode): Promise<void> {
    const [, host, port, state] = (await this.cluster.command(replica, 'ROLE')) as [
      string,
      string,
      number,
      string,
    ];
    if (host !== primary.host || port !== primary.port) return;
    const [, written] = (await this.cluster.command(primary, 'ROLE')) as [string, number];
    const reached = async (): Promise<boolean> => {
      const role = (await this.cluster.command(replica, 'ROLE')) as unknown[];
      return Number(role[4]) >= Number(written);
    };
    await until(`${replica.name} has all of ${primary.name}, in state ${state}`, reached);
  }
}

/** A range of slots with its primary and its replicas, as CLUSTER SLOTS replies it. */
type SlotsEntry = [first: number, last: number, ...nodes: [host: string, port: number][]];

const slotsOf = async (cluster: LocalCluster, node: LocalNode): Promise<SlotsEntry[]> =>
  (await cluster.command(node, 'CLUSTER', 'SLOTS')) as SlotsEntry[];

async function until(what: string, isDone: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await isDone())) {
    if (performance.now() > end) throw new Error(`Not within ${PATIENCE_MS} ms: ${what}`);
    await delay(PAUSE_MS);
  }
}
