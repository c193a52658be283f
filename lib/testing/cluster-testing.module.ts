import { Logger, Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import type { ClusterModuleOptions } from '../nest/common/cluster-module-options.interface.js';
import { ClusterModule } from '../nest/cluster.module.js';
import { DEFAULT_CLUSTER } from '../nest/common/cluster.tokens.js';
import { checkRootOptions } from '../nest/common/module-checks.js';
import { MemoryCluster, type MemoryClusterOptions } from './memory/memory-cluster.js';
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

/** The token of a cluster in memory: `MemoryCluster` itself for the default one. */
export function getMemoryClusterToken(name: string = DEFAULT_CLUSTER): typeof MemoryCluster | symbol {
  return name === DEFAULT_CLUSTER ? MemoryCluster : Symbol.for(`keyslot.MemoryCluster:${name}`);
}

/** Options of `ClusterTestingModule.inMemory`. */
export type MemoryModuleOptions = Omit<ClusterModuleOptions, 'nodes'> & MemoryClusterOptions;

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
    const keyspace: FactoryProvider<TestKeyspace> = {
      provide: getTestKeyspaceToken(name),
      useFactory: () =>
        new ApplicationKeyspace({ ...options, startupTimeoutMs: options.startupTimeoutMs ?? STARTUP_MS }),
    };
    return testingModule([keyspace], name, isGlobal);
  }

  /**
   * Gives the module under test a cluster in memory of its own, which needs no server. Its key space, and the cluster
   * itself (`MemoryCluster`, see `getMemoryClusterToken`), can be injected.
   *
   * @param options those of `ClusterModule.forRoot` without `nodes`, and those of `MemoryCluster`
   * @throws InvalidArgumentError for an unknown option, or one of the wrong type
   */
  static inMemory(given: MemoryModuleOptions = {}): DynamicModule {
    checkRootOptions(given);
    const { name, isGlobal, now, seed, replicas, ...options } = given;
    const memory: FactoryProvider<MemoryCluster> = {
      provide: getMemoryClusterToken(name),
      useFactory: () => new ApplicationMemory({ now, seed, replicas }),
    };
    const keyspace: FactoryProvider<TestKeyspace> = {
      provide: getTestKeyspaceToken(name),
      useFactory: ({ nodes }: MemoryCluster) => new TestKeyspace({ ...options, nodes }),
      inject: [memory.provide],
    };
    return testingModule([memory, keyspace], name, isGlobal);
  }
}

/** Returns a module in which a key space gives the options of the client. It is the last of the providers. */
function testingModule(
  providers: readonly FactoryProvider[],
  name: string | undefined,
  isGlobal: boolean | undefined,
): DynamicModule {
  const shared: DynamicModule = {
    module: TestKeyspaceModule,
    global: true,
    providers: [...providers],
    exports: providers.map(({ provide }) => provide),
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
        inject: [getTestKeyspaceToken(name)],
      }),
    ],
  };
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

/** A cluster in memory that ends with its application: after the clients, which close last. */
class ApplicationMemory extends MemoryCluster {
  onApplicationShutdown(): void {
    this.closeWhenUnused();
  }
}
