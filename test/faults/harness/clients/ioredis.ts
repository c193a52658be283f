import type { Cluster as ClusterType, Redis } from 'ioredis';
import { INCREMENT, type ClientUnderTest, type Failure, type Session } from '../session.js';
import { bySlot } from './by-slot.js';
import { peerPackage, wordOf } from './peer-package.js';

/** ioredis' Cluster with its default options. */
class IoredisSession implements Session {
  constructor(private readonly cluster: ClusterType) {}

  get(key: string): Promise<unknown> {
    return this.cluster.get(key);
  }

  set(key: string, value: string): Promise<unknown> {
    return this.cluster.set(key, value);
  }

  increment(key: string): Promise<unknown> {
    return this.cluster.incr(key);
  }

  async transaction(key: string): Promise<unknown> {
    const results = await this.cluster.multi().incr(key).get(key).exec();
    for (const [error] of results ?? []) if (error !== null) throw error;
    return results;
  }

  script(key: string): Promise<unknown> {
    return this.cluster.eval(INCREMENT, 1, key);
  }

  pipeline(keys: readonly string[]): Promise<readonly unknown[]> {
    return bySlot(keys, async (group) => {
      const pipeline = this.cluster.pipeline();
      for (const key of group) pipeline.incr(key);
      return ((await pipeline.exec()) ?? []).map(([error]) => error ?? undefined);
    });
  }

  append(key: string, value: string): Promise<unknown> {
    return this.cluster.rpush(key, value);
  }

  failure(error: unknown): Failure {
    return { code: wordOf(error), applied: 'unknown' };
  }

  async close(): Promise<void> {
    this.cluster.disconnect();
  }
}

export function ioredis(): ClientUnderTest {
  const { exports, version } = peerPackage<{ Cluster: typeof ClusterType; Redis: typeof Redis }>('ioredis');
  return {
    title: `ioredis ${version}`,
    open: async ({ nodes, addressRemap, password, credentials, ca }) => {
      const cluster = new exports.Cluster([...nodes], {
        lazyConnect: true,
        natMap:
          addressRemap &&
          ((text: string) => {
            const at = text.lastIndexOf(':');
            const { host, port } = addressRemap({
              host: text.slice(0, at),
              port: Number(text.slice(at + 1)),
            });
            return { host, port };
          }),
        redisOptions: { password, ...credentials?.(), tls: ca === undefined ? undefined : { ca } },
      });
      cluster.on('error', () => {});
      await cluster.connect();
      return new IoredisSession(cluster);
    },
  };
}
