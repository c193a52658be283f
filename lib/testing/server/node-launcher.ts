import { findFreePorts } from './free-ports.js';
import { LocalClusterError } from '../common/local-cluster-error.js';
import { LocalNode, type NodeSettings } from './local-node.js';

const ATTEMPTS = 5;

/**
 * Starts the servers of one cluster. If another process takes a port first, uses another port. Knows which
 * servers are starting.
 */
export class NodeLauncher {
  private readonly starting = new Set<Promise<unknown>>();

  constructor(private readonly settings: NodeSettings) {}

  /**
   * Starts new nodes, which reply but do not know each other yet.
   * @throws LocalClusterError `START_FAILED`
   */
  async launch(count: number, signal?: AbortSignal): Promise<LocalNode[]> {
    const ports = await findFreePorts(this.settings.host, count);
    const launches = ports.map((port) => this.launchOn(port, ATTEMPTS, signal));
    // wait for every start, even if another one has already failed
    await this.tracked(Promise.allSettled(launches));
    return Promise.all(launches);
  }

  /** Restarts a node on the same port. */
  relaunch(node: LocalNode): Promise<void> {
    return this.tracked(node.boot());
  }

  /** Resolves when no server is starting, so that callers that stop all servers miss none. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.starting);
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
    this.starting.add(start);
    try {
      return await start;
    } finally {
      this.starting.delete(start);
    }
  }
}
