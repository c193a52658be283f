import { clearTimeout, monotonicMs, setImmediate, setTimeout } from '../../cluster/common/timers.js';

/**
 * Watches over one connection: a ping every so often, and a word when nothing at all has been heard for twice as long.
 */
export class Heartbeat {
  private proofs: [earlier: number, latest: number];
  private heardAt = monotonicMs();
  private askedAt = this.heardAt;
  private asking = false;
  private timer: NodeJS.Timeout | undefined = undefined;
  private stopped = false;

  /**
   * @param everyMs time from one ping to the next
   * @param ping resolves with the peer's answer: whether it still is what it was, so that nothing was lost until then
   * @param onSilent called once, when there has been no sign of life for 2 × `everyMs`
   */
  constructor(
    private readonly everyMs: number,
    private readonly ping: () => Promise<boolean>,
    private readonly onSilent: () => void,
  ) {
    const now = Date.now();
    this.proofs = [now, now];
    this.wait();
  }

  /**
   * Until then nothing was lost on the connection, in ms since 1970: the time of the last ping but one that was
   * answered. Not the last one, because what was published elsewhere just before may have been on its way to the node.
   */
  get provenAt(): number {
    return this.proofs[0];
  }

  /** A sign of life came. */
  heard(): void {
    this.heardAt = monotonicMs();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private get silentAt(): number {
    return Math.max(this.heardAt + 2 * this.everyMs, this.askedAt + this.everyMs);
  }

  private wait(): void {
    clearTimeout(this.timer);
    const due = this.asking ? this.silentAt : this.askedAt + this.everyMs;
    this.timer = setTimeout(() => this.beat(), Math.max(1, due - monotonicMs()));
  }

  private beat(): void {
    if (!this.asking) void this.ask();
    // where it was this process that stood still, the answer lies in the socket, and is read before this is called
    else if (monotonicMs() >= this.silentAt) return void setImmediate(() => this.judge());
    this.wait();
  }

  private judge(): void {
    if (this.stopped) return;
    if (monotonicMs() < this.silentAt) return this.wait();
    this.stop();
    this.onSilent();
  }

  private async ask(): Promise<void> {
    const sentAt = Date.now();
    this.asking = true;
    this.askedAt = monotonicMs();
    let whole: boolean;
    try {
      whole = await this.ping();
    } catch {
      return; // the connection is gone, or is found to be silent
    }
    this.asking = false;
    this.heard();
    if (whole) this.proofs = [this.proofs[1], sentAt];
    if (!this.stopped) this.wait();
  }
}
