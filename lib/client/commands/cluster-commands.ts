import type { RedisCommander } from 'ioredis';

/** Commands that would change or take over a connection that all callers share. Each has another form here. */
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

/** ioredis' typed commands, as far as a shared connection can serve them. */
export type ClusterCommands = Omit<RedisCommander<{ type: 'default' }>, ConnectionScopedCommand>;
