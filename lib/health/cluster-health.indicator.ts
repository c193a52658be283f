import { Inject, Injectable, Optional } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { checkClusterHealth, type ClusterHealth, type ClusterHealthOptions } from './cluster-health.js';

/** What Terminus 12 has, and 11 has not. */
type Degradable = { degraded?: (data: object) => HealthIndicatorResult };

/** Which cluster is judged, and how. */
export interface ClusterHealthCheckOptions extends ClusterHealthOptions {
  /** The client of a named cluster; otherwise the default one is judged. */
  cluster?: ClusterClient | undefined;
}

/**
 * A health indicator for `@nestjs/terminus`: every slot covered, every primary answering in time, replicas in sync.
 * To be named among the providers of the module that imports `TerminusModule`. It opens no connection of its own.
 */
@Injectable()
export class ClusterHealthIndicator {
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Optional() @Inject(ClusterClient) private readonly defaultCluster?: ClusterClient,
  ) {}

  /**
   * How a cluster does, under `key` in the report. Terminus 11 has no word for `degraded`: there it is `up`, with
   * `degraded: true`.
   * @throws InvalidArgumentError for options that cannot be right, and where there is no cluster
   */
  async check<const Key extends string>(
    key: Key,
    { cluster = this.defaultCluster, ...options }: ClusterHealthCheckOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    if (cluster === undefined) {
      throw new InvalidArgumentError('cluster', 'There is no default cluster: name the client to be judged');
    }
    const { status, ...report } = await checkClusterHealth(cluster, options);
    return this.toResult(key, status, report) as HealthIndicatorResult<Key>;
  }

  private toResult(
    key: string,
    status: ClusterHealth['status'],
    report: Omit<ClusterHealth, 'status'>,
  ): HealthIndicatorResult {
    const session = this.indicators.check(key);
    if (status === 'up') return session.up({ ...report });
    if (status === 'down') return session.down({ ...report });
    const { degraded } = session as Degradable;
    return degraded === undefined
      ? session.up({ ...report, degraded: true })
      : degraded.call(session, { ...report });
  }
}
