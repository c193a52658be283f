import { findFreePorts } from './free-ports.js';
import { LocalClusterError } from '../common/local-cluster-error.js';
import { LocalNode, type NodeSettings } from './local-node.js';
import { refuseTakenPorts } from './taken-ports.js';

const ATTEMPTS = 5;

/** Starts the servers of one cluster, on other ports where somebody was faster, and knows which are being started. */
export class NodeLauncher {
  private readonly underWay = new Set<Promise<unknown>>();
  private nextPort: number | undefined;

  constructor(private readonly settings: NodeSettings) {
    this.nextPort = settings.options.port;
  }

  /**
   * New nodes that answer and do not know each other yet.
   * @throws LocalClusterError `START_FAILED`, `PORT_TAKEN`
   */
  async launch(count: number, signal?: AbortSignal): Promise<LocalNode[]> {
    const { ports, attempts } = await this.choosePorts(count);
    const launches = ports.map((port) => this.launchOn(port, attempts, signal));
    // none is left alone with its start, even when another has failed already
    await this.tracked(Promise.allSettled(launches));
    return Promise.all(launches);
  }

  /**
   * The nodes of a kept folder.
   * @throws LocalClusterError `START_FAILED`, `PORT_TAKEN`
   */
  async resume(ports: readonly number[], signal?: AbortSignal): Promise<LocalNode[]> {
    await refuseTakenPorts(this.settings.host, ports);
    this.nextPort = Math.max(...ports) + 1;
    const nodes = ports.map((port) => new LocalNode(this.settings, port));
    const boots = nodes.map((node) => node.boot(signal));
    await this.tracked(Promise.allSettled(boots));
    await Promise.all(boots);
    return nodes;
  }

  /** Starts a node again where it was. */
  relaunch(node: LocalNode): Promise<void> {
    return this.tracked(node.boot());
  }

  /** Resolves when no server is being started, so that none is missed by who wants to end them all. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.underWay);
  }

  /** Ports that somebody chose are not exchanged for others. */
  private async choosePorts(count: number): Promise<{ ports: number[]; attempts: number }> {
    const { host } = this.settings;
    const first = this.nextPort;
    if (first === undefined) return { ports: await findFreePorts(host, count), attempts: ATTEMPTS };
    const ports = Array.from({ length: count }, (_, i) => first + i);
    await refuseTakenPorts(host, ports);
    this.nextPort = first + count;
    return { ports, attempts: 1 };
  }

  private async launchOn(port: number, attempts: number, signal?: AbortSignal): Promise<LocalNode> {
    const node = new LocalNode(this.settings, port);
    try {
      await node.boot(signal);
      return node;
    } catch (error) {
      await node.kill();
      await node.removeData();
      const lostRace = error instanceof LocalClusterError && error.code === 'PORT_TAKEN';
      if (!lostRace || attempts <= 1) throw error;
    }
    const [other] = await findFreePorts(this.settings.host, 1);
    return this.launchOn(other, attempts - 1, signal);
  }

  private async tracked<T>(start: Promise<T>): Promise<T> {
    this.underWay.add(start);
    try {
      return await start;
    } finally {
      this.underWay.delete(start);
    }
  }
}
