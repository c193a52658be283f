/** A caller that waits for a connection to a node. */
export interface LeaseWaiter {
  /** The name of the node. */
  readonly node: string;
  /** Whether the call blocks. Such a call does not delay closing the client. */
  readonly blocking: boolean;
  admit(): void;
  refuse(error: Error): void;
}

/** Callers that wait for connections, in order, by node. */
export class LeaseQueue {
  /** Sets keep the order, and any member can leave in constant time. */
  private readonly queues = new Map<string, Set<LeaseWaiter>>();

  /** Returns how many callers wait for a node. */
  size(node: string): number {
    return this.queues.get(node)?.size ?? 0;
  }

  add(waiter: LeaseWaiter): void {
    const queue = this.queues.get(waiter.node);
    if (queue === undefined) this.queues.set(waiter.node, new Set([waiter]));
    else queue.add(waiter);
  }

  remove(waiter: LeaseWaiter): void {
    const queue = this.queues.get(waiter.node);
    if (queue?.delete(waiter) && queue.size === 0) this.queues.delete(waiter.node);
  }

  /** Returns the next waiter for a node that has a free place. Nodes take turns. */
  next(hasPlace: (node: string) => boolean): LeaseWaiter | undefined {
    for (const [node, queue] of this.queues) {
      if (!hasPlace(node)) continue;
      this.queues.delete(node);
      this.queues.set(node, queue);
      return queue.values().next().value;
    }
    return undefined;
  }

  /** Returns all chosen waiters. */
  waiters(chosen: (waiter: LeaseWaiter) => boolean): LeaseWaiter[] {
    return [...this.queues.values()].flatMap((queue) => [...queue]).filter(chosen);
  }
}
