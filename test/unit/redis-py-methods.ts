const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The public methods and constants of `redis.cluster.RedisCluster` in redis-py 8.1, those of its base classes included. */
export const REDIS_PY: readonly string[] = words(`
  ALL_NODES CLUSTER_COMMANDS_RESPONSE_CALLBACKS COMMAND_FLAGS DEFAULT_NODE ERRORS_ALLOW_RETRY NODE_FLAGS
  PRIMARIES RANDOM REPLICAS RESULT_CALLBACKS RedisClusterRequestTTL SEARCH_COMMANDS acl_cat acl_deluser
  acl_dryrun acl_genpass acl_getuser acl_help acl_list acl_load acl_log acl_log_reset acl_save acl_setuser
  acl_users acl_whoami append arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems
  arlen armget armset arnext arop arring arscan arseek arset auth bf bgrewriteaof bgsave bitcount bitfield
  bitfield_ro bitop bitpos blmove blmovem blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin cf
  client_getname client_getredir client_id client_info client_kill client_kill_filter client_list
  client_no_evict client_no_touch client_pause client_reply client_setinfo client_setname client_tracking
  client_tracking_off client_tracking_on client_trackinginfo client_unblock client_unpause close
  cluster_addslots cluster_addslotsrange cluster_bumpepoch cluster_count_failure_report
  cluster_countkeysinslot cluster_delslots cluster_delslotsrange cluster_failover cluster_flushslots
  cluster_get_keys_in_slot cluster_info cluster_keyslot cluster_links cluster_meet cluster_myid
  cluster_myshardid cluster_nodes cluster_replicas cluster_replicate cluster_reset cluster_save_config
  cluster_set_config_epoch cluster_setslot cluster_setslot_stable cluster_shards cluster_slots cms command
  command_count command_docs command_getkeys command_getkeysandflags command_info command_list config_get
  config_resetstat config_rewrite config_set copy dbsize debug_object debug_segfault decr decrby delete delex
  determine_slot digest digest_local disconnect_connection_pools dump echo eval eval_ro evalsha evalsha_ro
  execute_command exists expire expireat expiretime failover fcall fcall_ro flushall flushdb from_url ft
  function_delete function_dump function_flush function_kill function_list function_load function_restore
  function_stats geoadd geodist geohash geopos georadius georadiusbymember geosearch geosearchstore get
  get_connection_kwargs get_default_node get_encoder get_node get_node_from_key get_nodes get_nodes_from_slot
  get_primaries get_random_node get_random_primary_node get_random_primary_or_all_nodes get_redis_connection
  get_replicas get_special_nodes getbit getdel getex getrange getset hdel hello hexists hexpire hexpireat
  hexpiretime hget hgetall hgetdel hgetex himport_discard himport_discard_all himport_prepare himport_registry
  himport_set hincrby hincrbyfloat hkeys hlen hmget hmset hotkeys_get hotkeys_reset hotkeys_start hotkeys_stop
  hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hscan_iter hset hsetex hsetnx hstrlen httl
  hvals incr incrby incrbyfloat increx info json keys keyslot keyspace_notifications lastsave latency_doctor
  latency_graph latency_histogram latency_history latency_latest latency_reset lcs lindex linsert llen lmove
  lmovem lmpop load_external_module lock lolwut lpop lpos lpush lpushx lrange lrem lset ltrim memory_doctor
  memory_help memory_malloc_stats memory_purge memory_stats memory_usage mget mget_nonatomic migrate
  module_list module_load module_loadex module_unload monitor move mset mset_nonatomic msetex msetnx object
  on_connect persist pexpire pexpireat pexpiretime pfadd pfcount pfmerge ping pipeline psetex psync pttl
  publish pubsub pubsub_channels pubsub_numpat pubsub_numsub pubsub_shardchannels pubsub_shardnumsub quit
  randomkey readonly readwrite register_script rename renamenx replace_default_node replicaof reset restore
  role rpop rpoplpush rpush rpushx sadd save scan scan_iter scard script_debug script_exists script_flush
  script_kill script_load sdiff sdiffcard sdiffstore select set set_default_node set_response_callback
  set_retry setbit setex setnx setrange shutdown sinter sintercard sinterstore sismember slaveof slowlog_get
  slowlog_len slowlog_reset smembers smismember smove sort sort_ro spop spublish srandmember srem sscan
  sscan_iter stralgo strlen substr sunion sunioncard sunionstore swapdb sync tdigest time topk touch
  transaction ts ttl type unlink unwatch vset wait waitaof watch xack xackdel xadd xautoclaim xcfgset xclaim
  xdel xdelex xgroup_create xgroup_createconsumer xgroup_delconsumer xgroup_destroy xgroup_setid
  xinfo_consumers xinfo_groups xinfo_stream xlen xnack xpending xpending_range xrange xread xreadgroup
  xrevrange xtrim zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop
  zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex
  zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscan_iter zscore
  zunion zunionstore
`);

/**
 * What redis-py-cluster 1.3.4 and 2.1.3 define on their clients, and the methods that their documentation lists as fanned
 * out, blocked or overridden. Everything else is inherited from redis-py.
 */
export const REDIS_PY_CLUSTER: readonly string[] = words(`
  CLUSTER_COMMANDS_RESPONSE_CALLBACKS NODES_FLAGS RESPONSE_CALLBACKS RESULT_CALLBACKS RedisClusterRequestTTL
  bgrewriteaof bgsave bitop brpoplpush client_getname client_kill client_kill_filter client_list
  client_setname cluster_addslots cluster_count_failure_report cluster_countkeysinslot cluster_delslots
  cluster_failover cluster_get_keys_in_slot cluster_info cluster_keyslot cluster_meet cluster_nodes
  cluster_replicate cluster_reset cluster_reset_all_nodes cluster_save_config cluster_set_config_epoch
  cluster_setslot cluster_slaves cluster_slots config_get config_resetstat config_rewrite config_set dbsize
  delete determine_node echo eval evalsha execute_command flushall flushdb from_url hscan hscan_iter info keys
  lastsave lrem mget move mset msetnx pfcount pfmerge ping pipeline publish pubsub pubsub_channels
  pubsub_numpat pubsub_numsub randomkey register_script rename renamenx restore rpoplpush save scan scan_iter
  script_exists script_flush script_kill script_load sdiff sdiffstore sentinel
  sentinel_get_master_addr_by_name sentinel_master sentinel_masters sentinel_monitor sentinel_remove
  sentinel_sentinels sentinel_set sentinel_slaves set_result_callback setex shutdown sinter sinterstore
  slaveof slowlog_get slowlog_len slowlog_reset smove sort sscan sscan_iter sunion sunionstore time
  transaction unwatch watch zadd zinterstore zscan zscan_iter zunionstore
`);
