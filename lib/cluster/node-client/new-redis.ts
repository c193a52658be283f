import { Redis, type RedisOptions } from 'ioredis';

/**
 * Creates an ioredis client that is declared with the replies of RESP2, whatever its options say. For options that leave
 * this open, the compiler would compare all commands with those of RESP3, which takes longer than to check all else.
 */
export function newRedis(options: RedisOptions): Redis {
  return new Redis<'legacy'>(options as RedisOptions & { replyMapping?: 'legacy' });
}
