import { Counts } from './counts.js';
import { RoundTrips } from './round-trips.js';
import type { ConnectionStats } from './cluster-stats.js';

/** What knows how many bytes went through it: a socket. */
export interface ByteMeter {
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** What a connection is for. */
export type ConnectionUse = keyof ConnectionStats;

/** Counts what concerns one node. Its owners add to the fields; only `stats()` reads them. */
export class NodeCounters {
  commands = 0;
  unknownOutcomes = 0;
  backpressure = 0;
  /** Shared connections that were opened. */
  connects = 0;
  connectFailures = 0;
  leasesCreated = 0;
  readonly redirects = new Counts();
  readonly retries = new Counts();
  readonly errors = new Counts();
  readonly roundTrips = new RoundTrips();
  private readonly open = new Map<ByteMeter, ConnectionUse>();
  /** Bytes of connections that have ended. */
  private sentBefore = 0;
  private receivedBefore = 0;
  private formerReconnects = 0;

  /** Counts the bytes of a connection until `connectionEnded`. */
  connectionOpened(meter: ByteMeter, use: ConnectionUse): void {
    this.open.set(meter, use);
  }

  connectionEnded(meter: ByteMeter): void {
    if (!this.open.delete(meter)) return;
    this.sentBefore += meter.bytesWritten;
    this.receivedBefore += meter.bytesRead;
  }

  /** Counts an error that a caller gets. */
  callFailed(error: Error): void {
    this.errors.addError(error);
    if ((error as { code?: unknown }).code === 'OUTCOME_UNKNOWN') this.unknownOutcomes++;
  }

  /** Shared connections that were opened in the place of an earlier one. */
  get reconnects(): number {
    return this.formerReconnects + Math.max(0, this.connects - 1);
  }

  get hasConnections(): boolean {
    return this.open.size > 0;
  }

  get connections(): ConnectionStats {
    const counts = { shared: 0, leased: 0, subscriber: 0 };
    for (const use of this.open.values()) counts[use]++;
    return counts;
  }

  get bytesSent(): number {
    let bytes = this.sentBefore;
    for (const meter of this.open.keys()) bytes += meter.bytesWritten;
    return bytes;
  }

  get bytesReceived(): number {
    let bytes = this.receivedBefore;
    for (const meter of this.open.keys()) bytes += meter.bytesRead;
    return bytes;
  }

  /** Adds everything that grows to other counters. Open connections and recent round trips stay. */
  addTo(sums: NodeCounters): void {
    sums.commands += this.commands;
    sums.unknownOutcomes += this.unknownOutcomes;
    sums.backpressure += this.backpressure;
    sums.formerReconnects += this.reconnects;
    sums.connectFailures += this.connectFailures;
    sums.leasesCreated += this.leasesCreated;
    sums.sentBefore += this.bytesSent;
    sums.receivedBefore += this.bytesReceived;
    this.redirects.addTo(sums.redirects);
    this.retries.addTo(sums.retries);
    this.errors.addTo(sums.errors);
  }
}
