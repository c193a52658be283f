import type { RedisCommander } from 'ioredis';

/** Commands that would change or take over a connection which all callers share; there are other ways to each. */

export type Unshared =
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

export type ClusterCommands = Omit<RedisCommander<{ type: 'default' }>, Unshared>;
