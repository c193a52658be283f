import type { RedisCommander } from 'ioredis';

/** Commands that would change or occupy a connection that all callers share. Each has another form here. */
export type ConnectionScopedCommand =
  | 'watch'
  | 'unwatch'
  | 'exec'
  | 'discard'
  | 'subscribe'
  | 'unsubscribe'
  | 'psubscribe'
  | 'punsubscribe'
  | 'ssubscribe'
  | 'sunsubscribe'
  | 'monitor'
  | 'select'
  | 'auth'
  | 'hello'
  | 'reset'
  | 'quit'
  | 'pubsub';

/** The typed commands of ioredis that a shared connection can serve. */
export type ClusterCommands = Omit<RedisCommander<{ type: 'default' }>, ConnectionScopedCommand>;
