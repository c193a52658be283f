import { Redis, type RedisOptions } from 'ioredis';
import { hideOptions } from './node-client.js';
import type { Credentials } from '../options/credentials.js';

/**
 * ioredis' client of one node, made without waiting: credentials, which may be promised, are asked for when it
 * connects, which it does with its first command.
 */
export function createLazyNodeClient(
  options: RedisOptions,
  credentials: () => Promise<Credentials | undefined>,
): Redis {
  const redis = new Redis({ ...options, lazyConnect: true });
  const connectNow = redis.connect.bind(redis);
  let joining: Promise<void> | undefined;
  const join = async (): Promise<void> => {
    const before = redis.status;
    try {
      const { username, password } = (await credentials()) ?? {};
      Object.assign(redis.options, { username, password });
    } catch (error) {
      // else its commands would wait for ever
      redis.disconnect();
      throw error;
    }
    if (redis.status !== before) throw new Error('Connection is closed.');
    await connectNow();
  };
  const members = {
    // ioredis sets it when it connects, and what is called before then is queued by it
    condition: { select: 0 },
    connect: (callback?: (error: Error | null) => void): Promise<void> => {
      joining ??= join().finally(() => (joining = undefined));
      if (callback !== undefined) joining.then(() => callback(null), callback);
      return joining;
    },
    // ioredis' own would be made without credentials, if this one has not connected yet
    duplicate: (override?: RedisOptions): Redis =>
      createLazyNodeClient({ ...redis.options, ...override }, credentials),
  };
  for (const [name, value] of Object.entries(members))
    Object.defineProperty(redis, name, { value, writable: true });
  // as `monitor()` wants of its duplicate
  if (options.lazyConnect === false) redis.connect().catch(() => {});
  return hideOptions(redis);
}
