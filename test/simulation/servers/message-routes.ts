/** Which node accepted a message, and when each node passed it on to subscribers of its own. */
interface Route {
  readonly acceptedBy: number;
  readonly acceptedAs: number;
  readonly passedOnAs: Map<number, number>;
  /** How often its publisher has sent it with success. */
  readonly times: number;
}

/** The ways that messages took through the nodes. */
export class MessageRoutes {
  private readonly routes = new Map<string, Route>();
  private serial = 0;

  /** A node takes a message from its publisher. */
  noteAccepted(node: number, channel: string, payload: string): void {
    const name = nameOf(channel, payload);
    const times = (this.routes.get(name)?.times ?? 0) + 1;
    this.routes.set(name, { acceptedBy: node, acceptedAs: ++this.serial, passedOnAs: new Map(), times });
  }

  /** A node passes a message on to its subscribers. */
  notePassedOn(node: number, channel: string, payload: string): void {
    this.routes.get(nameOf(channel, payload))?.passedOnAs.set(node, ++this.serial);
  }

  /** Whether one node took a message, once. */
  reachedOnce(channel: string, payload: string): boolean {
    return this.routes.get(nameOf(channel, payload))?.times === 1;
  }

  /**
   * Whether two messages swapped places between the nodes, which no client can prevent: one node accepted the first
   * before another node accepted the second, and a node with subscribers had the second earlier. A former primary still
   * takes messages of its slots, and what it takes reaches the new one by the bus.
   */
  areSwapped(channel: string, first: string, second: string): boolean {
    const [one, other] = [first, second].map((payload) => this.routes.get(nameOf(channel, payload)));
    if (one === undefined || other === undefined) return false;
    if (one.acceptedBy === other.acceptedBy || one.acceptedAs > other.acceptedAs) return false;
    return [...one.passedOnAs].some(([node, place]) => place > (other.passedOnAs.get(node) ?? Infinity));
  }
}

const nameOf = (channel: string, payload: string): string => `${channel} ${payload}`;
