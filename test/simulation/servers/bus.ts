import type { SimulatedNode } from './simulated-node.js';
import type { World } from './world.js';

/** A message that did not reach a node. */
export interface LostMessage {
  readonly channel: string;
  readonly payload: string;
  readonly node: number;
}

/** Carries published messages from node to node, in their order. A message that cannot be delivered is lost. */
export class Bus {
  readonly lost: LostMessage[] = [];
  /** When the last message of a link arrives. */
  private readonly readyAt = new Map<string, number>();

  constructor(private readonly world: World) {}

  send(from: SimulatedNode, to: SimulatedNode, kind: '' | 's', channel: string, payload: string): void {
    const { time, random } = this.world;
    const link = `${from.place} ${to.place}`;
    const at = Math.max(this.readyAt.get(link) ?? 0, time.now + 0.1 + random() * 2);
    this.readyAt.set(link, at);
    time.after(at - time.now, () => {
      if (from.isReachable && to.isReachable) to.passOn(kind, channel, payload);
      else this.lost.push({ channel, payload, node: to.place });
    });
  }
}
