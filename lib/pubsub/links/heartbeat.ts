import { clearTimeout, monotonicMs, setImmediate, setTimeout, unixMs } from '../../cluster/common/timers.js';

/**
 * Monitors one connection: sends a ping at an interval, and reports when nothing has arrived for twice that
 * interval.
 */
export class Heartbeat {
  private answeredPings: [earlier: number, latest: number];
  private lastActivityAt = monotonicMs();
  private pingedAt = this.lastActivityAt;
  private pingInFlight = false;
  private timer: NodeJS.Timeout | undefined = undefined;
  private stopped = false;

  /**
   * @param everyMs time between two pings, in ms
   * @param ping resolves when the peer answers, with whether no message was lost until then
   * @param onSilent called once, when nothing has arrived for 2 × `everyMs`
   */
  constructor(
    private readonly everyMs: number,
    private readonly ping: () => Promise<boolean>,
    private readonly onSilent: () => void,
  ) {
    const now = unixMs();
    this.answeredPings = [now, now];
    this.startTimer();
  }

  /**
   * No message was lost on the connection before this time, in ms since 1970: the time of the second to last
   * answered ping. The last one proves less, as a message published elsewhere may still have been on its way
   * to the node.
   */
  get intactUntil(): number {
    return this.answeredPings[0];
  }

  /** Records that something arrived. */
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
    // if this process was blocked, the answer is in the socket and is read before the immediate runs
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
    const sentAt = unixMs();
    this.pingInFlight = true;
    this.pingedAt = monotonicMs();
    let intact: boolean;
    try {
      intact = await this.ping();
    } catch {
      return; // the connection is gone, or will be found silent
    }
    this.pingInFlight = false;
    this.recordActivity();
    if (intact) this.answeredPings = [this.answeredPings[1], sentAt];
    if (!this.stopped) this.startTimer();
  }
}
