import { INCREMENT, type Address, type ClientUnderTest, type Failure, type Session } from '../session.js';
import { bySlot } from './by-slot.js';
import { peerPackage, wordOf } from './peer-package.js';

/** As much of node-redis as is used here; its types are installed with it, in bench/. */
interface Multi {
  incr(key: string): Multi;
  get(key: string): Multi;
  exec(): Promise<unknown>;
  execAsPipeline(): Promise<readonly unknown[]>;
}
interface Cluster {
  on(event: 'error', listener: () => void): void;
  connect(): Promise<unknown>;
  get(key: string): Promise<unknown>;
  set(key: string, value: string): Promise<unknown>;
  incr(key: string): Promise<unknown>;
  rPush(key: string, value: string): Promise<unknown>;
  eval(script: string, options: { keys: string[] }): Promise<unknown>;
  multi(): Multi;
  destroy(): void;
}
interface NodeRedis {
  createCluster(options: object): Cluster;
}

/** node-redis' cluster with its default options. */
class NodeRedisSession implements Session {
  constructor(private readonly cluster: Cluster) {}

  get(key: string): Promise<unknown> {
    return this.cluster.get(key);
  }

  set(key: string, value: string): Promise<unknown> {
    return this.cluster.set(key, value);
  }

  increment(key: string): Promise<unknown> {
    return this.cluster.incr(key);
  }

  transaction(key: string): Promise<unknown> {
    return this.cluster.multi().incr(key).get(key).exec();
  }

  script(key: string): Promise<unknown> {
    return this.cluster.eval(INCREMENT, { keys: [key] });
  }

  pipeline(keys: readonly string[]): Promise<readonly unknown[]> {
    return bySlot(keys, async (group) => {
      const multi = this.cluster.multi();
      for (const key of group) multi.incr(key);
      await multi.execAsPipeline();
      return group.map(() => undefined);
    });
  }

  append(key: string, value: string): Promise<unknown> {
    return this.cluster.rPush(key, value);
  }

  failure(error: unknown): Failure {
    return { code: wordOf(error), applied: 'unknown' };
  }

  async close(): Promise<void> {
    this.cluster.destroy();
  }
}

export function nodeRedis(): ClientUnderTest {
  const { exports, version } = peerPackage<NodeRedis>('redis');
  return {
    title: `node-redis ${version}`,
    open: async ({ nodes, addressRemap, password, credentials, ca }) => {
      const tls = ca === undefined ? {} : { tls: true, ca };
      const cluster = exports.createCluster({
        rootNodes: nodes.map((address) => ({ socket: { ...address, ...tls } })),
        defaults: { password, ...credentials?.(), socket: tls },
        nodeAddressMap:
          addressRemap &&
          ((text: string): Address => {
            const at = text.lastIndexOf(':');
            return addressRemap({ host: text.slice(0, at), port: Number(text.slice(at + 1)) });
          }),
      });
      cluster.on('error', () => {});
      await cluster.connect();
      return new NodeRedisSession(cluster);
    },
  };
}
