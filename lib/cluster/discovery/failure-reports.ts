import { NodeFailures } from '../connection/node-failures.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { ChannelPool } from '../routing/channel-pool.js';
import { AddressWatch } from './address-watch.js';

/**
 * Reports nodes without a connection: each failure, and once for each node that its address does not lead to it, if
 * that is why.
 */
export class FailureReports {
  private readonly failures: NodeFailures;
  private readonly addresses: AddressWatch;

  constructor(
    pool: () => ChannelPool,
    options: ResolvedClusterOptions,
    listener: { onFailure(error: Error, node: string): void },
    closing: AbortSignal,
  ) {
    const onFailure = (error: Error, node: string): void => listener.onFailure(error, node);
    this.failures = new NodeFailures(onFailure);
    this.addresses = new AddressWatch(pool, options, onFailure, closing);
  }

  /** Takes notice of a node that has no connection any more, or to which none could be opened. */
  report(node: string, error: Error, now: number): void {
    this.failures.report(node, error, now);
    this.addresses.failed(node, error);
  }
}
