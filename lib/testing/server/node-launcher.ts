import { findFreePorts } from './free-ports.js';
import { LocalClusterError } from '../common/local-cluster-error.js';
import { LocalNode, type NodeSettings } from './local-node.js';

const ATTEMPTS = 5;

/** Starts the servers of one cluster, on other ports where somebody was faster, and knows which are being started. */
export class NodeLauncher {
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(private readonly settings: NodeSettings) {}

  /**
   * New nodes that answer and do not know each other yet.
   * @throws LocalClusterError `START_FAILED`
   */
  async launch(count: number, signal?: AbortSignal): Promise<LocalNode[]> {
    const ports = await findFreePorts(this.settings.host, count);
    const launches = ports.map((port) => this.launchOn(port, ATTEMPTS, signal));
    // none is left alone with its start, even when another has failed already
    await this.tracked(Promise.allSettled(launches));
    return Promise.all(launches);
  }

  /** Starts a node again where it was. */
  relaunch(node: LocalNode): Promise<void> {
    return this.tracked(node.boot());
  }

  /** Resolves when no server is being started, so that none is missed by who wants to end them all. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.underWay);
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
