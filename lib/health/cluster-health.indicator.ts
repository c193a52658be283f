import { Inject, Injectable, Optional } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { ClusterClient } from '../client/cluster-client.js';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { describeValue } from '../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import {
  checkClusterHealth,
  HEALTH_OPTIONS,
  type ClusterHealth,
  type ClusterHealthOptions,
} from './cluster-health.js';

/** A method of Terminus 12 that Terminus 11 lacks. */
type Degradable = { degraded?: (data: object) => HealthIndicatorResult };

/** Options of `ClusterHealthIndicator.check`. */
export interface ClusterHealthCheckOptions extends ClusterHealthOptions {
  /** The client of the cluster to check. Default: the client of the default cluster. */
  cluster?: ClusterClient | undefined;
}

/**
 * A health indicator for `@nestjs/terminus`. It checks that every slot is covered, every primary answers in
 * time, and the replicas are in sync. Add it to the providers of the module that imports `TerminusModule`. It
 * opens no connections.
 */
@Injectable()
export class ClusterHealthIndicator {
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Optional() @Inject(ClusterClient) private readonly defaultCluster?: ClusterClient,
  ) {}

  /**
   * Checks a cluster. Terminus 11 has no status `degraded`: there a degraded cluster is `up`, with `degraded:
   * true`.
   * @param key the name of the cluster in the report
   * @throws InvalidArgumentError for an empty name, for invalid options, and if there is no default cluster and none is passed
   */
  async check<const Key extends string>(
    key: Key,
    given: ClusterHealthCheckOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    if (typeof key !== 'string' || key === '') {
      throw new InvalidArgumentError(
        'key',
        `A health check needs a name for the report, such as check('redis'), got ${describeValue(key)}`,
      );
    }
    checkOptionNames('a health check', given, ['cluster', ...HEALTH_OPTIONS]);
    const { cluster = this.defaultCluster, ...options } = given;
    if (cluster === undefined) {
      throw new InvalidArgumentError(
        'cluster',
        'There is no default cluster to check: import ClusterModule.forRoot(), or pass the client of another cluster as "cluster"',
      );
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
