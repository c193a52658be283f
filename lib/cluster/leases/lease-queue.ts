/** A caller who waits for a connection to a node. */
export interface LeaseWaiter {
  /** The name of the node. */
  readonly node: string;
  /** The call would block, and so does not hold up a client that closes. */
  readonly blocking: boolean;
  admit(): void;
  refuse(error: Error): void;
}

/** Callers who wait for connections, first come, first served, by node. */
export class LeaseQueue {
  /** Sets keep the order, and let anybody leave in no time. */
  private readonly queues = new Map<string, Set<LeaseWaiter>>();

  /** How many wait for a node. */
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

  /** The next one for a node that has a place; nodes take turns. */
  next(hasPlace: (node: string) => boolean): LeaseWaiter | undefined {
    for (const [node, queue] of this.queues) {
      if (!hasPlace(node)) continue;
      this.queues.delete(node);
      this.queues.set(node, queue);
      return queue.values().next().value;
    }
    return undefined;
  }

  /** Everybody, or those who are chosen. */
  waiters(chosen: (waiter: LeaseWaiter) => boolean): LeaseWaiter[] {
    return [...this.queues.values()].flatMap((queue) => [...queue]).filter(chosen);
  }
}
