/** What a feature of Keyslot needs, besides `+cluster|slots` and `+cluster|myid`. */
export interface FeaturePermissions {
  readonly feature: string;
  /** As ACL rules write them, without the `+`. */
  readonly commands: string;
  /** Whether it also needs channels. */
  readonly channels?: true;
}

/** The commands that every client needs. */
export const NEEDED_ALWAYS = 'cluster|slots';

/** The table of docs/security.md; a test compares the two. */
export const FEATURES: readonly FeaturePermissions[] = [
  { feature: 'commands and pipelines', commands: 'get set mget' },
  { feature: 'blocking commands', commands: 'blpop' },
  { feature: 'their connections with clientName', commands: 'blpop client|setname' },
  { feature: 'multi()', commands: 'multi exec get set' },
  { feature: 'transaction()', commands: 'multi exec discard watch unwatch get set' },
  { feature: 'scripts', commands: 'evalsha eval set' },
  { feature: 'scripts that only read', commands: 'evalsha_ro eval_ro get' },
  { feature: 'readFrom other than primary', commands: 'readonly readwrite info get' },
  { feature: 'durability, wait', commands: 'wait set' },
  { feature: 'scan, scanIterator and its like', commands: 'scan cluster|nodes' },
  { feature: 'channels', commands: 'subscribe unsubscribe ping publish', channels: true },
  { feature: 'patterns', commands: 'psubscribe punsubscribe ping publish', channels: true },
  { feature: 'sharded channels', commands: 'ssubscribe sunsubscribe ping spublish', channels: true },
  { feature: 'keyspace events', commands: 'psubscribe punsubscribe config|get set', channels: true },
  {
    feature: 'entities',
    commands:
      'evalsha eval hmget exists unlink time hset hgetall zcard hget zrangebyscore zadd zrem hdel pexpire hincrby',
  },
  {
    feature: 'indexes and unique constraints',
    commands:
      'evalsha eval evalsha_ro eval_ro hmget exists zcard hget zadd hset time zrem hdel zrangebylex hgetall zlexcount unlink',
  },
  {
    feature: 'maintenance of rows in partitions',
    commands:
      'evalsha eval evalsha_ro eval_ro cluster|countkeysinslot cluster|getkeysinslot hmget exists zcard hlen hget hset hdel zscore zadd zrem pttl pexpireat zscan hscan hgetall time zrangebylex unlink',
  },
  {
    feature: 'relations, whole partitions',
    commands:
      'evalsha eval evalsha_ro eval_ro cluster|getkeysinslot memory|usage hmget exists hget hset hdel zcard zadd zrem zrangebylex zlexcount hgetall time unlink type sadd sscan pttl pexpiretime',
  },
  {
    feature: 'rows that expire',
    commands:
      'evalsha eval hmget exists zcard hget zadd hset time zrem hdel hgetall unlink pexpireat persist',
  },
  {
    feature: 'a collection',
    commands:
      'evalsha eval hmget exists unlink time hset zcard hget type sadd pttl pexpiretime zrangebyscore zadd zrem hdel pexpire smembers srem',
  },
  {
    feature: 'global indexes and unique constraints',
    commands:
      'evalsha eval zadd time hget hset hmget exists zcard zscore zremrangebyscore pexpire hgetall zrem hdel zrangebylex unlink',
  },
  {
    feature: 'changes',
    commands:
      'evalsha eval evalsha_ro eval_ro hgetall hmget hset exists time xadd xrange xrevrange ssubscribe sunsubscribe ping spublish',
    channels: true,
  },
  { feature: 'locks', commands: 'evalsha eval hmget time hset pexpire hget' },
  {
    feature: 'a property with a ttl',
    commands: 'evalsha eval hmget exists time hset hgetall hget hdel unlink hpexpire',
  },
  {
    feature: 'reads from memory',
    commands: 'client|tracking client|caching pttl cluster|nodes unsubscribe command|info get',
  },
  { feature: 'the option database', commands: 'select get set' },
  { feature: 'keyslot/health', commands: 'info cluster|info ping' },
  { feature: 'keyslot/cache', commands: 'get set unlink cluster|nodes scan' },
  {
    feature: 'keyslot/throttler',
    commands: 'evalsha eval time zremrangebyscore zcard hmget zadd hset zrange pexpireat',
  },
  {
    feature: 'cluster.admin, queries',
    commands:
      'cluster|info cluster|nodes cluster|replicas cluster|shards cluster|links cluster|myid cluster|keyslot cluster|countkeysinslot cluster|getkeysinslot cluster|count-failure-reports',
  },
  { feature: 'while slots move', commands: 'asking' },
  { feature: 'a node that joins', commands: 'cluster|shards' },
  { feature: 'commands of modules', commands: 'command' },
  { feature: 'cluster.nonAtomic', commands: 'multi exec' },
];
