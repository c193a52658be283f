import { Histogram } from './histogram.js';

/** How long times are collected before they are dropped, in ms: after one to two of these. */
const WINDOW_MS = 60_000;

/** The round trips of one node in the last one to two minutes. */
export class RoundTrips {
  private current = new Histogram();
  private previous = new Histogram();
  private endsAt = -Infinity;

  /** Records a time, in ms, that was measured `count` times. @param now milliseconds of the client's clock */
  record(ms: number, count: number, now: number): void {
    if (now >= this.endsAt) this.turn(now);
    this.current.record(ms, count);
  }

  /** Adds what is recent to a histogram. @param now milliseconds of the client's clock */
  addTo(sums: Histogram, now: number): void {
    if (now >= this.endsAt) this.turn(now);
    this.previous.addTo(sums);
    this.current.addTo(sums);
  }

  private turn(now: number): void {
    const { current, previous } = this;
    // where nothing was recorded for long, both are old
    if (now >= this.endsAt + WINDOW_MS) current.clear();
    previous.clear();
    this.current = previous;
    this.previous = current;
    this.endsAt = now + WINDOW_MS;
  }
}

/**
 * Measures the round trips on one connection. A flush and a chunk of replies cost a few steps each, however many
 * commands are in them: replies come in the order of the commands, so their numbers say which flush they belong to.
 */
export class RoundTripMeter {
  /** For each flush with replies outstanding, in a ring: the number of its last reply, and when it was written. */
  private lastReplies = new Float64Array(16);
  private writtenAt = new Float64Array(16);
  private head = 0;
  private flushes = 0;
  private measured = 0;

  constructor(private readonly roundTrips: RoundTrips) {}

  /** Commands were written. @param lastReply how many replies will have come when theirs have */
  flushed(lastReply: number, now: number): void {
    if (this.flushes === this.writtenAt.length) this.grow();
    const at = (this.head + this.flushes++) & (this.writtenAt.length - 1);
    this.lastReplies[at] = lastReply;
    this.writtenAt[at] = now;
  }

  /** Commands of the client's own were written: their times are not recorded. */
  flushedUnmeasured(lastReply: number): void {
    this.flushed(lastReply, NaN);
  }

  /** Replies have arrived. @param replies how many have come so far */
  replied(replies: number, now: number): void {
    while (this.measured < replies && this.flushes > 0) {
      const { head } = this;
      const end = Math.min(replies, this.lastReplies[head]);
      const ms = now - this.writtenAt[head];
      if (end > this.measured && !Number.isNaN(ms)) this.roundTrips.record(ms, end - this.measured, now);
      this.measured = end;
      if (end < this.lastReplies[head]) return;
      this.head = (head + 1) & (this.writtenAt.length - 1);
      this.flushes--;
    }
  }

  private grow(): void {
    this.lastReplies = this.straightened(this.lastReplies);
    this.writtenAt = this.straightened(this.writtenAt);
    this.head = 0;
  }

  private straightened(ring: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
    const longer = new Float64Array(ring.length * 2);
    longer.set(ring.subarray(this.head));
    longer.set(ring.subarray(0, this.head), ring.length - this.head);
    return longer;
  }
}
