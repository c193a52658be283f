import { clearInterval, setInterval } from '../common/timers.js';
import type { ClusterNode } from '../topology/topology.js';

interface Held {
  holders: number;
  asking: boolean;
  readonly timer: NodeJS.Timeout;
}

/**
 * Asks nodes for a sign of life while calls block on them. A call that blocks says nothing for as long as it likes, so
 * its own connection does not tell a node that waits from one that is frozen; the shared one does.
 */
export class NodePings {
  private readonly nodes = new Map<string, Held>();

  /**
   * @param everyMs from one question to the next
   * @param ask resolves or rejects with what becomes of the question
   */
  constructor(
    private readonly everyMs: number,
    private readonly ask: (node: ClusterNode) => Promise<unknown>,
  ) {}

  /** Begins to ask, or goes on. @returns ends it for this holder */
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
      // what it comes to is for whoever watches over the shared connection
      this.ask(node).then(done, done);
    };
    const held: Held = { holders: 0, asking: false, timer: setInterval(beat, this.everyMs) };
    this.nodes.set(node.name, held);
    return held;
  }
}
