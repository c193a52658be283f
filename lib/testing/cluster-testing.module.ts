import { Logger, Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import type { ClusterModuleOptions } from '../nest/common/cluster-module-options.interface.js';
import { ClusterModule } from '../nest/cluster.module.js';
import { DEFAULT_CLUSTER } from '../nest/common/cluster.tokens.js';
import { checkRootOptions } from '../nest/common/module-checks.js';
import { TestKeyspace } from './test-keyspace.js';

/**
 * How long a test waits for its cluster, in ms: less than Jest waits for the test, so that it fails with what is
 * wrong.
 */
const STARTUP_MS = 4_000;

/** The token of a cluster's key space: `TestKeyspace` itself for the default one. */
export function getTestKeyspaceToken(name: string = DEFAULT_CLUSTER): typeof TestKeyspace | symbol {
  return name === DEFAULT_CLUSTER ? TestKeyspace : Symbol.for(`keyslot.TestKeyspace:${name}`);
}

/**
 * `ClusterModule` for tests: in the place of `ClusterModule.forRoot()`, it gives the module under test a key space of
 * its own on a cluster that all test files share. The key space can be injected, to be emptied between tests, and is
 * emptied when the application is closed.
 */
@Module({})
export class ClusterTestingModule {
  /**
   * @param given the options of `ClusterModule.forRoot`; without `nodes` the cluster is the one of `REDIS_CLUSTER_NODES`, and
   *   without `startupTimeoutMs` that is 4000
   * @throws InvalidArgumentError if no cluster is named
   */
  static forRoot(given: ClusterModuleOptions = {}): DynamicModule {
    checkRootOptions(given);
    const { name, isGlobal, ...options } = given;
    const token = getTestKeyspaceToken(name);
    const keyspace: FactoryProvider<TestKeyspace> = {
      provide: token,
      useFactory: () =>
        new ApplicationKeyspace({ ...options, startupTimeoutMs: options.startupTimeoutMs ?? STARTUP_MS }),
    };
    const shared: DynamicModule = {
      module: TestKeyspaceModule,
      global: true,
      providers: [keyspace],
      exports: [token],
    };
    return {
      module: ClusterTestingModule,
      imports: [
        shared,
        ClusterModule.forRootAsync({
          name,
          isGlobal,
          imports: [shared],
          useFactory: ({ clientOptions }: TestKeyspace) => clientOptions,
          inject: [token],
        }),
      ],
    };
  }
}

@Module({})
class TestKeyspaceModule {}

/** A key space that ends with its application. */
class ApplicationKeyspace extends TestKeyspace {
  async onApplicationShutdown(): Promise<void> {
    try {
      await this.clear();
    } catch (error) {
      // the test is over, and may have ended the cluster itself
      new Logger('ClusterTestingModule').warn(`Keys of ${this.prefix} are left: ${(error as Error).message}`);
    }
  }
}
