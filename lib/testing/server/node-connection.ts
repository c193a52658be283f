import type { Redis, RedisOptions } from 'ioredis';
import { newRedis } from '../../cluster/node-client/new-redis.js';
import { ConnectionError, ReplyError } from '../../cluster/common/errors.js';
import type { Reply } from '../../cluster/protocol/reply.js';

/** What a command may carry. */
export type CommandArgument = string | number | Buffer;

/** Longer than any DEBUG SLEEP of a sane test; a frozen server must not hold a caller for good. */
const COMMAND_TIMEOUT_MS = 10_000;

/**
 * A direct connection to one server, apart from any client under test. It is made when it is needed, made again
 * after it was lost, and keeps the process alive only while a reply is owed.
 */
export class NodeConnection {
  private redis: Redis | undefined;
  private lastError: Error | undefined;
  private owed = 0;

  constructor(
    private readonly name: string,
    private readonly options: RedisOptions,
  ) {}

  /**
   * @throws ReplyError what the server answered
   * @throws ConnectionError when there was no answer
   */
  call(command: string, ...args: CommandArgument[]): Promise<Reply> {
    return this.send((redis) => redis.call(command, ...args));
  }

  /** As {@link call}, with every bulk string as a Buffer. */
  callBuffer(command: string, ...args: CommandArgument[]): Promise<Reply> {
    return this.send((redis) => redis.callBuffer(command, ...args));
  }

  close(): void {
    if (this.redis !== undefined) end(this.redis);
    this.redis = undefined;
  }

  private async send(call: (redis: Redis) => Promise<unknown>): Promise<Reply> {
    const redis = this.open();
    // once for all that is owed: each `ref` of a socket that is not connected adds a listener
    if (this.owed++ === 0) redis.stream?.ref?.();
    try {
      return (await call(redis)) as Reply;
    } catch (error) {
      throw this.typed(error as Error, redis);
    } finally {
      if (--this.owed === 0) redis.stream?.unref?.();
    }
  }

  private open(): Redis {
    if (this.redis !== undefined && this.redis.status !== 'end' && this.redis.status !== 'close') {
      return this.redis;
    }
    const redis = newRedis({
      ...this.options,
      protocol: 2,
      disableClientInfo: true,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      retryStrategy: () => null,
    });
    this.lastError = undefined;
    redis.on('error', (error: Error) => {
      this.lastError = error;
    });
    this.redis = redis;
    return redis;
  }

  /** ioredis attaches the command with all its arguments to an error; they are left behind here. */
  private typed(error: Error, redis: Redis): Error {
    if (error.name === 'ReplyError') return new ReplyError(error.message);
    if (error.message === 'Command timed out') {
      // what comes after would wait behind it
      end(redis);
      return new ConnectionError(this.name, `no answer within ${COMMAND_TIMEOUT_MS} ms`);
    }
    const reason = this.lastError ?? error;
    return new ConnectionError(this.name, (reason as NodeJS.ErrnoException).code ?? reason.message);
  }
}

/** At once: ioredis' own way waits 2 s for the other side, even for a socket that is closed already. */
function end(redis: Redis): void {
  if (redis.stream === undefined) redis.disconnect();
  else redis.stream.destroy();
}
