import { clearInterval, setInterval } from '../common/timers.js';
import type { ClusterNode } from '../topology/topology.js';

interface Held {
  holders: number;
  asking: boolean;
  readonly timer: NodeJS.Timeout;
}

/**
 * Pings nodes while calls block on them. A blocking call may be silent for any time, so its own connection
 * cannot show whether the node waits or is frozen. The shared connection can.
 */
export class NodePings {
  private readonly nodes = new Map<string, Held>();

  /**
   * @param everyMs the time between two pings
   * @param ask sends a ping
   */
  constructor(
    private readonly everyMs: number,
    private readonly ask: (node: ClusterNode) => Promise<unknown>,
  ) {}

  /** Starts pinging a node, or continues. @returns a function that stops it for this holder */
  keepUp(node: ClusterNode): () => void {
    const held = this.nodes.get(node.name) ?? this.begin(node);
    held.holders++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--held.holders > 0) return;
      clearInterval(held.timer);
      this.nodes.delete(node.name);
    };
  }

  private begin(node: ClusterNode): Held {
    const beat = (): void => {
      if (held.asking) return;
      held.asking = true;
      const done = (): void => void (held.asking = false);
      // the result matters only to the checks of the shared connection
      this.ask(node).then(done, done);
    };
    const held: Held = { holders: 0, asking: false, timer: setInterval(beat, this.everyMs) };
    this.nodes.set(node.name, held);
    return held;
  }
}
