import { clearTimeout, monotonicMs, setImmediate, setTimeout } from '../../cluster/common/timers.js';

/**
 * Watches over one connection: a ping every so often, and a word when nothing at all has been heard for twice as long.
 */
export class Heartbeat {
  private answeredPings: [earlier: number, latest: number];
  private lastActivityAt = monotonicMs();
  private pingedAt = this.lastActivityAt;
  private pingInFlight = false;
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
    this.answeredPings = [now, now];
    this.startTimer();
  }

  /**
   * Until then nothing was lost on the connection, in ms since 1970: the time of the last ping but one that was
   * answered. Not the last one, because what was published elsewhere just before may have been on its way to the node.
   */
  get intactUntil(): number {
    return this.answeredPings[0];
  }

  /** A sign of life came. */
  recordActivity(): void {
    this.lastActivityAt = monotonicMs();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private get silentAt(): number {
    return Math.max(this.lastActivityAt + 2 * this.everyMs, this.pingedAt + this.everyMs);
  }

  private startTimer(): void {
    clearTimeout(this.timer);
    const due = this.pingInFlight ? this.silentAt : this.pingedAt + this.everyMs;
    this.timer = setTimeout(() => this.onTimer(), Math.max(1, due - monotonicMs()));
  }

  private onTimer(): void {
    if (!this.pingInFlight) void this.sendPing();
    // where it was this process that stood still, the answer lies in the socket, and is read before this is called
    else if (monotonicMs() >= this.silentAt) return void setImmediate(() => this.confirmSilence());
    this.startTimer();
  }

  private confirmSilence(): void {
    if (this.stopped) return;
    if (monotonicMs() < this.silentAt) return this.startTimer();
    this.stop();
    this.onSilent();
  }

  private async sendPing(): Promise<void> {
    const sentAt = Date.now();
    this.pingInFlight = true;
    this.pingedAt = monotonicMs();
    let intact: boolean;
    try {
      intact = await this.ping();
    } catch {
      return; // the connection is gone, or is found to be silent
    }
    this.pingInFlight = false;
    this.recordActivity();
    if (intact) this.answeredPings = [this.answeredPings[1], sentAt];
    if (!this.stopped) this.startTimer();
  }
}
