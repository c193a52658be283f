import type { Redis, RedisOptions } from 'ioredis';
import { newRedis } from './new-redis.js';
import { hideOptions } from './node-client.js';
import type { Credentials } from '../options/credentials.js';

/**
 * Creates an ioredis client of one node without waiting. It connects with its first command, and reads its
 * credentials, which may be a promise, at that time.
 */
export function createLazyNodeClient(
  options: RedisOptions,
  credentials: () => Promise<Credentials | undefined>,
): Redis {
  const redis = newRedis({ ...options, lazyConnect: true });
  const connectNow = redis.connect.bind(redis);
  let joining: Promise<void> | undefined;
  const join = async (): Promise<void> => {
    const before = redis.status;
    try {
      const { username, password } = (await credentials()) ?? {};
      Object.assign(redis.options, { username, password });
    } catch (error) {
      // otherwise its commands would wait forever
      redis.disconnect();
      throw error;
    }
    if (redis.status !== before) throw new Error('Connection is closed.');
    await connectNow();
  };
  const members = {
    // ioredis sets it when it connects, and needs it to queue earlier calls
    condition: { select: 0 },
    connect: (callback?: (error: Error | null) => void): Promise<void> => {
      joining ??= join().finally(() => (joining = undefined));
      if (callback !== undefined) joining.then(() => callback(null), callback);
      return joining;
    },
    // the original would have no credentials if this client has not connected yet
    duplicate: (override?: RedisOptions): Redis =>
      createLazyNodeClient({ ...redis.options, ...override }, credentials),
  };
  for (const [name, value] of Object.entries(members))
    Object.defineProperty(redis, name, { value, writable: true });
  // `monitor()` needs this of its duplicate
  if (options.lazyConnect === false) redis.connect().catch(() => {});
  return hideOptions(redis);
}
