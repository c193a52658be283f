import { channel, type Channel } from 'node:diagnostics_channel';
import { monotonicMs } from '../common/timers.js';
import { publish } from './guarded-publish.js';

/** How long a caller waited for a leased connection, or used it. */
export interface LeaseTime {
  readonly kind: 'wait' | 'use';
  readonly clientName: string | undefined;
  /** `host:port`. */
  readonly node: string;
  readonly ms: number;
}

/** Internal: feeds the metrics of leased connections. */
export const leaseChannel: Channel<LeaseTime, LeaseTime> = channel('keyslot:lease') as unknown as Channel<
  LeaseTime,
  LeaseTime
>;

/** Starts to measure if somebody listens. @returns ends it, and publishes the time */
export function measureLease(
  kind: LeaseTime['kind'],
  clientName: string | undefined,
  node: string,
): (() => void) | undefined {
  if (!leaseChannel.hasSubscribers) return undefined;
  const since = monotonicMs();
  return () => publish(leaseChannel, { kind, clientName, node, ms: monotonicMs() - since });
}
