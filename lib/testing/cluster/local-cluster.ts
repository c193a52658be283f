import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkSlot } from '../../cluster/topology/key-slot.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import type { CertificatePems } from '../server/certificates.js';
import type { SlotRange } from '../server/cluster-view.js';
import { failOver, type FailoverOptions } from './failover.js';
import { becomeReplica, formCluster, introduce } from './cluster-setup.js';
import { openSettings, recordCluster, type ClusterSettings } from './cluster-settings.js';
import { LocalClusterError } from '../common/local-cluster-error.js';
import type { LocalClusterOptions } from '../common/local-cluster-options.js';
import type { LocalNode } from '../server/local-node.js';
import { findNode, type NodeReference } from './node-reference.js';
import type { CommandArgument } from '../server/node-connection.js';
import { NodeLauncher } from '../server/node-launcher.js';
import { untilNothingMissing, type WaitOptions } from '../common/poll.js';
import { waitForPorts } from '../server/taken-ports.js';
import { migrateAtomically, migrateKeyByKey, type MigrateSlotsOptions } from './migrate-slots.js';
import { SlotMigration, untilEpochIsKnown } from './slot-migration.js';
import { whatIsUnstable, type Views } from './stability.js';

/**
 * A real cluster of `redis-server` (or `valkey-server`) processes on this machine, for tests, benchmarks and
 * trying things out. However this process ends, its servers end with it.
 *
 * With the option `dir`, the data stays in that folder, and the next start continues the cluster. Otherwise servers keep
 * nothing on disk unless `config` says so: a primary that is killed and restarted comes back empty where no replica
 * took over in between.
 */
export class LocalCluster {
  private members: LocalNode[] = [];
  private readonly launcher: NodeLauncher;
  private stopped: Promise<void> | undefined;

  private constructor(private readonly settings: ClusterSettings) {
    this.launcher = new NodeLauncher(settings);
  }

  /**
   * Starts a cluster and waits until it is stable, as {@link waitUntilStable} does; 3 primaries with a replica each
   * take little more than the 2 s that a fresh primary insists on.
   * @throws InvalidArgumentError for options that cannot be right
   * @throws LocalClusterError `SERVER_NOT_FOUND`, `SERVER_TOO_OLD`, `PORT_TAKEN`, `START_FAILED` with the last lines of
   *   the server's log, `NOT_REACHED`; with `dir`, also `FOLDER_UNUSABLE`, `OTHER_CLUSTER` and `ALREADY_RUNNING`
   */
  static async start(options: LocalClusterOptions = {}): Promise<LocalCluster> {
    const cluster = new LocalCluster(await openSettings(options));
    try {
      await cluster.begin();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** All nodes, dead ones too. What a client takes as its `nodes`. */
  get nodes(): readonly LocalNode[] {
    return this.members;
  }

  /** The addresses of all nodes. */
  get seeds(): { host: string; port: number }[] {
    return this.members.map(({ host, port }) => ({ host, port }));
  }

  /** The nodes that were primaries when they were looked at last. */
  get primaries(): readonly LocalNode[] {
    return this.members.filter((node) => node.role === 'primary');
  }

  /** The nodes that were replicas when they were looked at last. */
  get replicas(): readonly LocalNode[] {
    return this.members.filter((node) => node.role === 'replica');
  }

  /** The folder with the data and the logs; with TLS also the certificates: `ca.crt`, `node.crt` and `node.key`. */
  get dir(): string {
    return this.settings.folder.path;
  }

  /** Certificate authority, and a certificate with its key that the servers accept; with the option `tls` only. */
  get tls(): CertificatePems | undefined {
    return this.settings.tls;
  }

  /** SIGKILL, and waits for the process to be gone. */
  async kill(node: NodeReference): Promise<void> {
    await this.find(node).kill();
  }

  /** SIGSTOP: its connections stay open and nothing answers on them. */
  async freeze(node: NodeReference): Promise<void> {
    this.find(node).freeze();
  }

  /** SIGCONT: ends {@link freeze}. */
  async thaw(node: NodeReference): Promise<void> {
    this.find(node).thaw();
  }

  /**
   * Starts a dead node again, or kills and starts a living one: same port, same id. Resolves when it answers.
   * @throws LocalClusterError `PORT_TAKEN` when somebody else took its port meanwhile
   */
  async restart(reference: NodeReference): Promise<void> {
    const node = this.find(reference);
    await node.kill();
    await this.launcher.relaunch(node);
  }

  /** Makes a replica the primary of its slots, and waits until all running nodes see it as that. */
  async failover(replica: NodeReference, options: FailoverOptions = {}): Promise<void> {
    await failOver(this.find(replica), () => this.running(), options);
  }

  /**
   * Moves slots with all their keys, one slot after the other, while clients go on: they meet ASK, TRYAGAIN and
   * MOVED. Resolves when all running nodes know the new owner. A primary that gives its last slot away becomes a
   * replica of the taker, unless `config` says `cluster-allow-replica-migration no`.
   * @param slots slots, or ranges of them as `[first, last]`
   */
  async migrateSlots(
    slots: Iterable<number | SlotRange>,
    from: NodeReference,
    to: NodeReference,
    options: MigrateSlotsOptions = {},
  ): Promise<void> {
    const route = { from: this.find(from), to: this.find(to) };
    const begin = (slot: number): Promise<SlotMigration> => this.beginMigration(slot, route.from, route.to);
    await migrateKeyByKey(slots, route, begin, () => this.running(), options);
  }

  /**
   * Moves slots with all their keys in one step, as Redis 8.4 and Valkey 9 can: clients receive MOVED, never ASK.
   * Resolves when all running nodes know the new owner.
   * @param slots slots, or ranges of them as `[first, last]`
   * @throws UnsupportedServerFeatureError if the servers cannot do so; SlotMigrationError if they give up
   */
  async migrateSlotsAtomically(
    slots: Iterable<number | SlotRange>,
    from: NodeReference,
    to: NodeReference,
    wait: WaitOptions = {},
  ): Promise<void> {
    const route = { from: this.find(from), to: this.find(to) };
    await migrateAtomically(slots, route, () => this.running(), wait);
  }

  /** Begins to move one slot and stops there, so that a test can look at the state in between. */
  async beginSlotMigration(slot: number, from: NodeReference, to: NodeReference): Promise<SlotMigration> {
    const [source, target] = [this.find(from), this.find(to)];
    checkSlot(slot);
    await untilEpochIsKnown(source, target);
    return this.beginMigration(slot, source, target);
  }

  /**
   * Adds a node, a primary without slots or a replica, and waits until the cluster is stable with it.
   */
  async addNode({
    replicaOf,
    ...wait
  }: { replicaOf?: NodeReference | undefined } & WaitOptions = {}): Promise<LocalNode> {
    this.refuseWhenStopped();
    const primary = replicaOf === undefined ? undefined : this.find(replicaOf);
    const [node] = await this.launcher.launch(1, wait.signal);
    this.members.push(node);
    await introduce([node], this.running(), wait);
    if (primary !== undefined) await becomeReplica(node, primary, wait);
    await this.waitUntilStable(wait);
    this.record();
    return node;
  }

  /**
   * Kills a node and makes all others forget it.
   * @throws InvalidArgumentError when it owns slots or has replicas
   */
  async removeNode(reference: NodeReference): Promise<void> {
    const node = this.find(reference);
    const others = this.running().filter((other) => other !== node);
    for (const other of others) {
      const seen = [...(await other.view()).nodes.values()];
      const inUse = seen.some(
        ({ id, slots, primaryId }) => primaryId === node.id || (id === node.id && slots.length > 0),
      );
      if (inUse) throw new InvalidArgumentError('node', `${node.name} owns slots or has replicas`);
    }
    await node.kill();
    await Promise.all(others.map((other) => other.connection.call('CLUSTER', 'FORGET', node.id)));
    this.members = this.members.filter((other) => other !== node);
    this.record();
    await node.removeData();
  }

  /** The running node that owns a slot in its own eyes; of several, the one with the newest claim. */
  async primaryOfSlot(slot: number): Promise<LocalNode> {
    checkSlot(slot);
    const running = this.running();
    const claims = (await Promise.all(running.map((node) => node.view()))).map(({ myself }, i) => ({
      node: running[i],
      epoch: myself.slots.some(([first, last]) => first <= slot && slot <= last) ? myself.configEpoch : -1,
    }));
    const newest = claims.toSorted((a, b) => b.epoch - a.epoch)[0];
    if (newest !== undefined && newest.epoch >= 0) return newest.node;
    throw new LocalClusterError('NOT_REACHED', `No running node owns slot ${slot}`);
  }

  /**
   * Sends a command to one node over a connection of its own, as a user of the cluster's own that may do everything.
   * Redirects are not followed.
   * @throws ReplyError what the server answered
   * @throws ConnectionError when there was no answer within 10 s
   */
  async command(node: NodeReference, command: string, ...args: CommandArgument[]): Promise<Reply> {
    return this.find(node).connection.call(command, ...args);
  }

  /**
   * Waits until every running node says that the state is ok, all agree on roles and on an owner for every slot that
   * is running too, all running replicas follow their primaries, and all nodes report them to clients.
   * @throws LocalClusterError `NOT_REACHED` with what was missing last
   */
  async waitUntilStable(options: WaitOptions = {}): Promise<void> {
    await untilNothingMissing('A stable cluster', async () => whatIsUnstable(await this.views()), options);
  }

  /** Ends all servers and deletes their data, unless the option `dir` keeps it. */
  stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  /** `stop()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private async begin(): Promise<void> {
    const { options, folder, host } = this.settings;
    const { startTimeoutMs: timeoutMs, signal } = options;
    if (folder.cluster !== undefined) {
      const { ports } = folder.cluster;
      if (folder.wasAbandoned) await waitForPorts(host, ports);
      this.members = await this.launcher.resume(ports, signal);
    } else {
      recordCluster(this.settings, []);
      this.members = await formCluster(this.settings, this.launcher);
    }
    await this.waitUntilStable({ timeoutMs, signal });
    this.record();
  }

  /** Ends the servers: those of a kept folder gently, replicas first, as primaries wait for their replicas. */
  private async end(): Promise<void> {
    await this.launcher.settled();
    if (this.settings.folder.isKept) {
      await Promise.all(this.replicas.map((node) => node.terminate()));
      await Promise.all(this.members.map((node) => node.terminate()));
    }
    await Promise.all(this.members.map((node) => node.kill()));
    await this.settings.orphanReaper.release(); // which ends what a failed start has left
    await this.settings.folder.release();
  }

  private record(): void {
    recordCluster(
      this.settings,
      this.members.map(({ port }) => port),
    );
  }

  private beginMigration(slot: number, from: LocalNode, to: LocalNode): Promise<SlotMigration> {
    checkSlot(slot);
    const primaries = (): LocalNode[] => this.running().filter((node) => node.role === 'primary');
    return SlotMigration.begin(slot, from, to, this.settings.ownPassword, primaries);
  }

  private running(): LocalNode[] {
    return this.members.filter((node) => node.state === 'running');
  }

  private async views(): Promise<Views> {
    const entries = this.running().map(
      async (node) => [node, await node.view().catch((error: Error) => error)] as const,
    );
    return new Map(await Promise.all(entries));
  }

  private refuseWhenStopped(): void {
    if (this.stopped !== undefined) throw new LocalClusterError('STOPPED', 'The local cluster is stopped');
  }

  private find(reference: NodeReference): LocalNode {
    this.refuseWhenStopped();
    return findNode(this.members, reference);
  }
}
