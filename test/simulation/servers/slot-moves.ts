import type { SimulatedNode } from './simulated-node.js';
import type { World } from './world.js';

/** A slot on its way. */
export interface SlotMove {
  readonly slot: number;
  readonly from: SimulatedNode;
  readonly to: SimulatedNode;
}

/** The longest time between two keys, in ms: of most moves, and of those that take long. */
const PAUSE_MS = 30;
const LONG_PAUSE_MS = 600;
const LONG_SHARE = 0.3;

/** Moves slots from node to node, key by key, as `redis-cli --cluster reshard` does. */
export class SlotMoves {
  private readonly running = new Set<SlotMove>();

  /**
   * @param handOver makes the other node the owner of a slot whose keys have all moved.
   * @param secure gives the replicas of a node all that it has. A key that moves is not lost with its new node, as its
   *   former values would be lost too.
   */
  constructor(
    private readonly world: World,
    private readonly handOver: (slot: number, from: SimulatedNode, to: SimulatedNode) => void,
    private readonly secure: (node: SimulatedNode) => void,
  ) {}

  /** Moves a slot, with a pause before each key. */
  begin(slot: number, from: SimulatedNode, to: SimulatedNode, pauseMs = this.somePauseMs()): void {
    if ([...this.running].some((move) => move.slot === slot)) return;
    this.continueLater(this.open(slot, from, to), pauseMs);
  }

  /** Opens a slot at both nodes. The caller moves its keys. */
  open(slot: number, from: SimulatedNode, to: SimulatedNode): SlotMove {
    const move = { slot, from, to };
    this.running.add(move);
    to.importing.set(slot, from);
    from.migrating.set(slot, to);
    return move;
  }

  /** Moves the rest of all slots at once. */
  finish(): void {
    for (const move of [...this.running]) while (this.running.has(move)) this.step(move);
  }

  private somePauseMs(): number {
    return this.world.random() < LONG_SHARE ? LONG_PAUSE_MS : PAUSE_MS;
  }

  private continueLater(move: SlotMove, pauseMs: number): void {
    this.world.time.after(1 + this.world.random() * pauseMs, () => {
      if (!this.running.has(move)) return;
      this.step(move);
      this.continueLater(move, pauseMs);
    });
  }

  /** Moves one key, or the slot if none is left. */
  private step(move: SlotMove): void {
    const { slot, from, to } = move;
    const [key] = from.keyspace.keysInSlot(slot);
    if (key === undefined) {
      // the old owner redirects by ASK until it knows the new owner
      this.running.delete(move);
      to.importing.delete(slot);
      this.handOver(slot, from, to);
      return;
    }
    this.moveKey(move, key);
  }

  moveKey({ from, to }: SlotMove, key: string): void {
    const contents = from.keyspace.contents().filter((one) => one.key === key);
    to.keyspace.apply(contents);
    to.keyspace.touch(key);
    to.publishChanges();
    this.secure(to);
    from.keyspace.delete(key);
    from.keyspace.touch(key);
    from.publishChanges();
  }
}
