import {
  Inject,
  Injectable,
  Module,
  Optional,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ClusterRegistry } from '../nest/client/cluster-registry.js';
import { CONFIGURED, configured, refuseBare } from '../nest/common/bare-module.js';
import { ClusterTelemetry } from './cluster-telemetry.js';
import { checkTelemetryOptions, type TelemetryOptions } from './telemetry-options.js';

const TELEMETRY_OPTIONS = Symbol('keyslot.telemetryOptions');

/** Observes the clients of an application as long as it runs. */
@Injectable()
class TelemetryLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(ClusterTelemetry) private readonly telemetry: ClusterTelemetry,
    @Optional() @Inject(ClusterRegistry) private readonly registry?: ClusterRegistry,
  ) {}

  onModuleInit(): void {
    for (const [name, client] of this.registry?.entries() ?? []) this.telemetry.observe(client, name);
  }

  onApplicationShutdown(): Promise<void> {
    return this.telemetry.shutdown();
  }
}

/**
 * Makes spans and metrics of what the clusters of an application do, with OpenTelemetry. Import it once, in the root
 * module. It exports `ClusterTelemetry`, for clients that `ClusterModule` does not know of.
 */
@Module({})
export class ClusterTelemetryModule {
  /** @internal */
  constructor(@Optional() @Inject(CONFIGURED) isConfigured?: boolean) {
    refuseBare(isConfigured, 'ClusterTelemetryModule', 'import ClusterTelemetryModule.forRoot()');
  }

  /**
   * @param options all have defaults: spans and metrics, with the providers that are registered with
   *   `@opentelemetry/api`
   * @throws InvalidArgumentError for an unknown option, or a value that is not possible
   */
  static forRoot(options: TelemetryOptions = {}): DynamicModule {
    checkTelemetryOptions(options);
    return {
      module: ClusterTelemetryModule,
      providers: [
        configured,
        { provide: TELEMETRY_OPTIONS, useValue: options },
        {
          provide: ClusterTelemetry,
          useFactory: (given: TelemetryOptions) => new ClusterTelemetry(given),
          inject: [TELEMETRY_OPTIONS],
        },
        TelemetryLifecycle,
      ],
      exports: [ClusterTelemetry],
    };
  }
}
