import type { Random } from '../../../lib/testing/memory/keyspace/random.js';
import type { VirtualTime } from '../time/virtual-time.js';

/** How often bytes are cut into pieces, and how often a piece is late. */
const CUT_SHARE = 0.15;
const LATE_SHARE = 0.03;
const LATE_MS = 40;

/** One direction of a connection: bytes arrive in their order, after a while, cut anywhere. */
export class Pipe {
  private readyAt = 0;
  private readonly held: (() => void)[] = [];
  private readonly holds = new Set<string>();
  private isCut = false;

  constructor(
    private readonly time: VirtualTime,
    private readonly random: Random,
    private readonly deliver: (bytes: string, sentAt: number) => void,
  ) {}

  send(bytes: string): void {
    const { now } = this.time;
    for (const piece of this.pieces(bytes)) this.schedule(() => this.arrive(() => this.deliver(piece, now)));
  }

  /** Calls back at the moment at which all that was sent before has been delivered. */
  whenDelivered(run: () => void): void {
    this.time.at(Math.max(this.time.now, this.readyAt), () => this.arrive(run));
  }

  /** Calls back some time after all that was sent before has arrived. */
  afterAll(run: () => void): void {
    this.schedule(() => {
      if (this.holds.size === 0) run();
    });
  }

  /** Holds back what arrives, for a reason. */
  hold(reason: string): void {
    this.holds.add(reason);
  }

  /** Ends a reason to hold back. Delivers what was held back if it was the last one. */
  release(reason: string): void {
    this.holds.delete(reason);
    while (this.holds.size === 0 && this.held.length > 0) this.held.shift()?.();
  }

  /** Drops what is under way, and all that follows. */
  cut(): void {
    this.isCut = true;
    this.held.length = 0;
  }

  private schedule(run: () => void): void {
    const late = this.random() < LATE_SHARE ? this.random() * LATE_MS : 0;
    this.readyAt = Math.max(this.readyAt, this.time.now + 0.1 + this.random() + late);
    // not after a difference: rounded, two pieces of the same moment could change places
    this.time.at(this.readyAt, run);
  }

  private arrive(run: () => void): void {
    if (this.isCut) return;
    if (this.holds.size > 0 || this.held.length > 0) this.held.push(run);
    else run();
  }

  private pieces(bytes: string): string[] {
    if (bytes.length < 2 || this.random() >= CUT_SHARE) return [bytes];
    const at = 1 + Math.floor(this.random() * (bytes.length - 1));
    return [bytes.slice(0, at), bytes.slice(at)];
  }
}
