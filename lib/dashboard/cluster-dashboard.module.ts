import { Inject, Module, Optional, type DynamicModule } from '@nestjs/common';
import { CONFIGURED, configured, refuseBare } from '../nest/common/bare-module.js';
import { createDashboardController } from './dashboard.controller.js';
import { resolveDashboardOptions, type ClusterDashboardOptions } from './dashboard-options.js';
import { PageFiles } from './http/page-files.js';
import { DashboardClusters } from './monitors/dashboard-clusters.js';

/**
 * Serves a page that shows the clusters of an application as they are now: slots, nodes, the figures of the client,
 * entities, subscriptions, and what has happened. It only reads, and shows no keys, no values and no credentials. While
 * nobody watches, it sends nothing.
 */
@Module({})
export class ClusterDashboardModule {
  /** @internal */
  constructor(@Optional() @Inject(CONFIGURED) isConfigured?: boolean) {
    refuseBare(
      isConfigured,
      'ClusterDashboardModule',
      'import ClusterDashboardModule.forRoot({ guards: […] })',
    );
  }

  /**
   * @param options the path of the page, and its guards
   * @throws InvalidArgumentError for an unknown or invalid option, and if there are neither guards nor `unguarded: true`
   */
  static forRoot(options: ClusterDashboardOptions): DynamicModule {
    const resolved = resolveDashboardOptions(options);
    return {
      module: ClusterDashboardModule,
      imports: resolved.imports,
      controllers: [createDashboardController(resolved)],
      providers: [configured, DashboardClusters, PageFiles],
    };
  }
}
