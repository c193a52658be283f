import { isDeepStrictEqual, types } from 'node:util';
import { Cluster } from 'ioredis';
import { ClusterClient, InvalidArgumentError } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { withoutPlace } from '../../../error-place.js';

/** A command and its arguments. */
type Call = readonly unknown[];

/** Calls written as text: `;` or the end of a line after each, one space between words. */
const calls = ([text]: TemplateStringsArray): Call[] =>
  text
    .split(/[;\n]/)
    .map((call) => call.trim())
    .filter((call) => call !== '')
    .map((call) => call.split(' '));

const BYTES = Buffer.from([0, 255, 13, 10, 128]);
const BIG_NUMBER_LUA = `redis.setresp(3) return {big_number = '1234567890123456789'}`;
const SHA = 'f'.repeat(40);
const KNOWN_SHA = 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db'; // of "return 1"
const LIBRARY = `#!lua name=shapes
redis.register_function('shape', function(keys, args) return {keys[1] or false, args[1] or false} end)
redis.register_function{
  function_name = 'peek', callback = function(keys) return redis.call('GET', keys[1]) end, flags = {'no-writes'}
}`;

/** Calls on keys of one slot, in order, on an empty server. */
const KEYED: Readonly<Record<string, readonly Call[]>> = {
  strings: [
    ...calls`
      get k; set k v; get k; set k w GET; set k x NX; set k y XX; set k 1 EX 100; set k 2 KEEPTTL GET; append k 3
      strlen k; getrange k 0 -1; substr k 0 0; setrange k 5 zz; getset k new; getdel k; getdel k; getset k first; getex k
      getex k PERSIST; setex k 100 v; psetex k 100000 v; setnx k v; setnx {k}n v; mset k a {k}2 b; mget k {k}2 {k}none
      msetnx k a {k}3 b; msetnx {k}4 a {k}5 b; lcs k {k}2; lcs k {k}2 LEN; set {k}l ohmytext; set {k}m mynewtext
      lcs {k}l {k}m IDX WITHMATCHLEN; lcs {k}l {k}m IDX; incr k; lpush k x; set k v EX nonsense; set k v NX XX
      setex k 0 v; object ENCODING k; type k`,
    ['set', 'k', BYTES],
    ['get', 'k'],
    ['set', 'k', ''],
    ['get', 'k'],
    ['set', Buffer.from('k'), 'é語🙂'],
    ['get', 'k'],
    ['mset', { k: 1, '{k}2': Buffer.from('b') }],
    ['mget', ['k', '{k}2']],
    ['mset', new Map([['k', '2']])],
    ['mget', ['k'], '{k}2'],
  ],
  numbers: [
    ...calls`
      incr k; incrby k 41; decr k; decrby k 2; incrbyfloat k 0.5; incrbyfloat k 1e3; get k; incr k
      set {k}big 9007199254740990; incr {k}big; incrby {k}big 1; set k 9223372036854775807; incr k; set k -5; incrby k nonsense`,
    ...[-0.1, -0, 1e21, 1e-7, 2 ** 53, 2n ** 70n, true].flatMap((value) => [
      ['set', 'k', value],
      ['get', 'k'],
    ]),
  ],
  bits: calls`
    setbit k 7 1; getbit k 7; getbit k 100; bitcount k; bitcount k 0 0 BIT; bitpos k 1; bitpos k 0 5
    bitfield k SET u8 0 255 GET u4 0 INCRBY i5 100 1 OVERFLOW FAIL INCRBY u2 102 4; bitfield_ro k GET u8 0; bitfield k
    bitop NOT {k}2 k; bitop AND {k}3 k {k}2; get {k}2; bitop NOT k k k; setbit k 0 2`,
  keys: [
    ...calls`
      set k v; exists k k {k}none; type k; type {k}none; ttl k; pttl k; ttl {k}none; expire k 100; expire k 50 GT
      expire {k}none 1; pexpire k 100000; expireat k 9999999999; pexpireat k 9999999999000; expiretime k; pexpiretime k
      expiretime {k}none; persist k; persist k; expiretime k; touch k {k}2; copy k {k}2; copy k {k}2
      copy k {k}2 REPLACE; rename k {k}3; rename k {k}3; renamenx {k}2 {k}3; object ENCODING {k}3; object REFCOUNT {k}3
      object IDLETIME {k}3; object FREQ {k}3; object ENCODING k; object HELP; dump {k}3; dump {k}none; del {k}none
      unlink {k}2 {k}3; set k v; expire k nonsense; expire k 1 NX GT; memory USAGE k SAMPLES 0; memory USAGE {k}none
      restore {k}4 0 nonsense; migrate 127.0.0.1 1 {k}none 0 10; del k; ttl k`,
    ['restore', '{k}r', 0, Buffer.from('\u0000\u0001v\n\u0000nonsense', 'latin1')],
  ],
  hashes: [
    ...calls`
      hset k a 1 b 2; hset k a 1; hget k a; hget k none; hmset k c 3; hmget k a none; hgetall k; hgetall {k}none; hkeys k
      hvals k; hlen k; hexists k a; hexists k z; hstrlen k a; hincrby k a 5; hincrbyfloat k a 0.5; hincrby k a 1
      hsetnx k a 1; hsetnx k z 1; hdel k b c z none; hrandfield k; hrandfield k 2; hrandfield k -2
      hrandfield k 2 WITHVALUES; hrandfield k -2 WITHVALUES; hrandfield {k}none; hrandfield {k}none 2
      hrandfield {k}none 2 WITHVALUES; hscan k 0; hscan k 0 MATCH a* COUNT 10; hscan {k}none 0; lpush k x; hmget {k}none a`,
    ['hset', 'k', { one: 1, two: '2' }],
    ['hset', 'k', new Map([['three', 3]])],
    ['hset', 'k', BYTES, BYTES],
    ['hget', 'k', BYTES],
    ['hset', '{k}2', '__proto__', 'p', 'constructor', 'c', 'toString', 't', '', 'empty'],
    ['hgetall', '{k}2'],
    ['hmset', '{k}3', { a: 'b' }],
    ['hmget', '{k}3', ['a', 'b']],
  ],
  lists: [
    ...calls`
      rpush k a b c b; lpush k z; lpushx k y; rpushx {k}none y; lrange k 0 -1; lrange {k}none 0 -1; llen k; lindex k 0
      lindex k 99; lset k 0 q; lset k 99 q; lset {k}none 0 q; linsert k BEFORE b x; linsert k AFTER none x
      linsert {k}none AFTER a x; lpos k b; lpos k b RANK 2; lpos k b COUNT 0; lpos k none; lpos k none COUNT 0; lrem k 1 b
      ltrim k 0 3; lpop k; lpop k 2; rpop k 0; rpop k; lpop {k}none; lpop {k}none 2; rpop {k}none; rpop {k}none 1
      rpush k a b c d e; lmove k {k}2 LEFT RIGHT; lmove {k}none {k}2 LEFT RIGHT; rpoplpush k {k}2; rpoplpush {k}none k
      lmpop 2 {k}none k LEFT; lmpop 1 k RIGHT COUNT 2; lmpop 1 {k}none LEFT; sort {k}2; sort {k}2 ALPHA DESC LIMIT 0 1
      sort_ro {k}2 ALPHA; sort {k}2 ALPHA STORE {k}3; sort_ro {k}none; get k; lpop k nonsense; lpop k -1; lmpop 0 k LEFT`,
    ['rpush', '{k}b', BYTES, '', ['x', 'y'], 'z'],
    ['lrange', '{k}b', 0, -1],
  ],
  sets: [
    ...calls`
      sadd k 1 2 3; sadd k 1; scard k; sismember k 1; sismember k 9; smismember k 1 9; smembers k; smembers {k}none
      sadd {k}2 2 3 4; sinter k {k}2; sinter k {k}none; sunion k {k}2; sdiff k {k}2; sinterstore {k}3 k {k}2
      sunionstore {k}4 k {k}2; sdiffstore {k}5 k {k}2; sintercard 2 k {k}2; sintercard 2 k {k}2 LIMIT 1; smove k {k}2 1
      smove k {k}2 none; srem k 2 none; srandmember k; srandmember k 2; srandmember k -2; srandmember {k}none
      srandmember {k}none 2; sscan k 0; sscan k 0 MATCH * COUNT 5; spop k; spop k; spop k 2; sadd k x; spop k 2; get {k}2`,
    ['sadd', '{k}b', BYTES],
    ['smembers', '{k}b'],
  ],
  'sorted sets': [
    ...calls`
      zadd k 1 a 2.5 b inf c; zadd k NX 1 a; zadd k XX CH 3 a; zadd k INCR 1 a; zadd k NX INCR 1 a; zadd k GT LT 1 a
      zscore k a; zscore k b; zscore k c; zscore k none; zmscore k a none c; zincrby k 0.5 a; zcard k; zcount k -inf +inf
      zrange k 0 -1; zrange k 0 -1 WITHSCORES; zrange k 0 -1 REV WITHSCORES; zrange k (1 +inf BYSCORE LIMIT 0 1 WITHSCORES
      zrange {k}none 0 -1 WITHSCORES; zrevrange k 0 -1; zrevrange k 0 -1 WITHSCORES; zrangebyscore k -inf +inf
      zrangebyscore k -inf +inf WITHSCORES LIMIT 0 2; zrevrangebyscore k +inf -inf WITHSCORES; zrank k a; zrank k none
      zrevrank k a; zadd {k}lex 0 a 0 b 0 c; zrangebylex {k}lex - +; zrevrangebylex {k}lex + -; zlexcount {k}lex - +
      zrange {k}lex [a [b BYLEX; zremrangebylex {k}lex [a [a; zrangestore {k}s k 0 -1; zadd {k}2 1 b 1 z; zinter 2 k {k}2
      zinter 2 k {k}2 WITHSCORES; zunion 2 k {k}2; zunion 2 k {k}2 WEIGHTS 2 1 AGGREGATE MAX WITHSCORES; zdiff 2 k {k}2
      zdiff 2 k {k}2 WITHSCORES; zinterstore {k}3 2 k {k}2; zunionstore {k}4 2 k {k}2; zdiffstore {k}5 2 k {k}2
      zintercard 2 k {k}2; zscan k 0; zscan {k}none 0; zpopmin k; zpopmax k 2; zpopmin {k}none; zadd k 1.5 a
      zrandmember k; zrandmember k 2; zrandmember k -2 WITHSCORES; zrandmember k 1 WITHSCORES; zrandmember {k}none
      zrandmember {k}none 1 WITHSCORES; zmpop 1 k MIN; zmpop 1 k MIN; zadd k 1 a 2 b 3 c; zmpop 2 {k}none k MAX COUNT 2
      zrem k a none; zremrangebyrank k 0 0; zremrangebyscore {k}4 0 1; zadd k 0.1 tenth -inf low 1e300 huge 1e-9 tiny
      zadd k 9007199254740993 big; zrange k 0 -1 WITHSCORES; zscore k big; zadd k nonsense a; zadd k nan a
      zincrby k +inf low; zrangebyscore k x y; get k; zrange k 0 -1 WITHSCORES BYLEX`,
    ['zadd', '{k}b', 1, BYTES],
    ['zrange', '{k}b', 0, -1, 'WITHSCORES'],
    ['zadd', '{k}i', Infinity, 'top', -Infinity, 'bottom'],
    ['zrangebyscore', '{k}i', -Infinity, Infinity, 'WITHSCORES'],
  ],
  geography: calls`
    geoadd k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania; geoadd k NX CH 1 1 Palermo; geopos k Palermo none
    geodist k Palermo Catania; geodist k Palermo Catania km; geodist k Palermo none; geohash k Palermo none
    geosearch k FROMLONLAT 15 37 BYRADIUS 200 km ASC; geosearch k FROMMEMBER Palermo BYBOX 400 400 km ASC COUNT 1
    geosearch k FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD; geosearch k FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST
    geosearch k FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHHASH
    geosearch k FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD WITHDIST WITHHASH
    geosearchstore {k}2 k FROMLONLAT 15 37 BYRADIUS 200 km ASC; georadius k 15 37 200 km WITHDIST ASC
    georadius_ro k 15 37 200 km; georadiusbymember k Palermo 200 km WITHCOORD ASC
    georadiusbymember_ro k Palermo 200 km WITHDIST ASC; georadius k 15 37 200 km STORE {k}3; geopos {k}none x
    geosearch k FROMMEMBER none BYRADIUS 1 m; geosearch {k}none FROMLONLAT 0 0 BYRADIUS 1 m; geoadd k 200 200 x`,
  hyperloglogs: calls`
    pfadd k a b c; pfadd k a; pfcount k; pfadd {k}2 d; pfcount k {k}2; pfmerge {k}3 k {k}2; pfcount {k}none; get k
    pfdebug ENCODING k; pfdebug GETREG k; set k v; pfadd k a; pfcount k`,
  streams: [
    ...calls`
      xadd k 1-0 a 1 b 2; xadd k 1-0 a 1; xadd k 2-* a 1; xadd {k}none NOMKSTREAM 1-0 a 1; xadd k MAXLEN ~ 100 3-0 a 1
      xlen k; xrange k - +; xrange k - + COUNT 1; xrevrange k + -; xrange {k}none - +; xread STREAMS k 0
      xadd {k}3 1-0 b 2; xread COUNT 1 STREAMS k {k}none {k}3 0 0 0; xread STREAMS k $; xread STREAMS {k}none 0
      xgroup CREATE k g 0; xgroup CREATE k g 0; xgroup CREATE {k}2 g $ MKSTREAM; xgroup CREATE {k}3 g 0
      xgroup CREATECONSUMER k g c; xgroup CREATECONSUMER k g c; xreadgroup GROUP g c COUNT 1 STREAMS k >
      xreadgroup GROUP g c STREAMS k {k}3 > >; xreadgroup GROUP g c STREAMS k >; xreadgroup GROUP g c STREAMS k 0
      xreadgroup GROUP g c NOACK STREAMS {k}2 >; xpending k g; xpending k g - + 10; xpending k g IDLE 0 - + 10 c
      xpending {k}2 g; xack k g 1-0; xack k g 99-0; xclaim k g d 0 2-0; xclaim k g d 0 2-0 JUSTID; xclaim k g d 0 99-0
      xautoclaim k g e 0 0; xautoclaim k g e 0 0 JUSTID; xautoclaim k g e 0 0 COUNT 1; xinfo STREAM k
      xinfo STREAM k FULL; xinfo STREAM k FULL COUNT 1; xinfo GROUPS k; xinfo CONSUMERS k g; xinfo HELP
      xinfo GROUPS {k}2; xinfo STREAM {k}none; xinfo CONSUMERS {k}2 g; xdel k 2-0; xreadgroup GROUP g e STREAMS k 0
      xautoclaim k g f 0 0; xtrim k MAXLEN 1; xgroup SETID k g 0; xgroup DELCONSUMER k g c; xgroup DESTROY k g
      xgroup DESTROY k none; xgroup HELP; xsetid k 9-0; xlen {k}none; xinfo STREAM {k}2 FULL
      xreadgroup GROUP none c STREAMS k >; xadd k nonsense a 1; xpending k none; get k`,
    ['xadd', '{k}b', '1-0', BYTES, BYTES],
    ['xrange', '{k}b', '-', '+'],
    ['xread', 'STREAMS', '{k}b', 0],
  ],
  scripts: [
    ...[
      `return {KEYS[1] or false, ARGV[1] or false, 1, 1.9, true, false, {ok = 'fine'}, {1, {2}}, {}}`,
      `redis.setresp(3) return {map = {double = 1.5, none = false}}`,
      `redis.setresp(3) return {{set = {a = true}}, {double = 0.5}, true, false}`,
      BIG_NUMBER_LUA,
      `redis.setresp(3) return {verbatim_string = {string = 'text', format = 'txt'}}`,
      `redis.setresp(3) return redis.call('HGETALL', KEYS[1])`,
      `return {1, redis.error_reply('MINE own words'), 'x'}`,
      `return redis.error_reply('MINE own words')`,
      `return redis.status_reply('FINE')`,
      `return redis.call('LPUSH', KEYS[1])`,
      `return redis.call('GET', 'undeclared')`,
      `return 'no lua`,
    ].map((lua) => ['eval', lua, 1, 'k', 'a']),
    ['eval_ro', `return {KEYS[1], ARGV[1]}`, 1, 'k', BYTES],
    ['eval_ro', `return redis.call('SET', KEYS[1], 'v')`, 1, 'k'],
    ['eval', `return ARGV`, 0, 'a', ''],
    ['evalsha', SHA, 1, 'k'],
    ['evalsha_ro', SHA, 1, 'k'],
    ...calls`fcall nosuch 1 k; fcall_ro nosuch 1 k; publish k message; spublish k message`,
  ],
};

/** Calls for a connection of their own, calls without keys, and some that one of the two refuses in pipelines. */
const ALONE: Readonly<Record<string, readonly Call[]>> = {
  'blocking calls': calls`
    rpush k a b c d e f g h; blpop k 1; brpop {k}none k 1; blpop {k}none 0.01; brpoplpush k {k}2 1
    blmove k {k}2 LEFT LEFT 1; blmpop 1 1 k LEFT; blmpop 1 1 k LEFT COUNT 2; blmpop 0.01 1 {k}none LEFT
    brpoplpush {k}none k 0.01; blmove {k}none k LEFT LEFT 0.01; zadd {k}z 1 a 2.5 b 3 c 4 d; bzpopmin {k}z 1
    bzpopmax {k}none {k}z 1; bzmpop 1 1 {k}z MIN; bzpopmin {k}none 0.01; bzmpop 0.01 1 {k}none MIN; xadd {k}x 1-0 a 1
    xread BLOCK 10 STREAMS {k}x 0; xread BLOCK 10 STREAMS {k}x $; xgroup CREATE {k}x g 0; blpop k nonsense; set k v
    xreadgroup GROUP g c BLOCK 10 STREAMS {k}x >; xreadgroup GROUP g c BLOCK 10 STREAMS {k}x >; blpop k 1; bzpopmin k 1
    xread BLOCK 1 STREAMS k 0`,
  'calls with too little': calls`
    set k; hset k a; mset k; xadd k 1-0 a; object NONSENSE k; object; xread COUNT; xread STREAMS k; eval x; lmpop 1
    zadd k; zunionstore k; config GET; function LOAD; script EXISTS; client SETNAME; echo; ping too many`,
  'sort by patterns': calls`
    rpush k 3 1 2; sort k; sort k GET #; sort k GET none_*; sort k BY nosort; sort k BY none_*; sort_ro k GET # DESC`,
  server: calls`
    ping; ping hello; echo hello; time; dbsize; keys *; randomkey; set k v; keys *; randomkey; dbsize; scan 0
    scan 0 MATCH none TYPE string; info; info server; info nonsense; role; lastsave; lolwut; lolwut VERSION 5 1 1 1
    wait 1 20000; flushdb; flushall; flushall ASYNC; pubsub CHANNELS; pubsub CHANNELS none*; pubsub NUMPAT; pubsub NUMSUB
    pubsub NUMSUB a b; pubsub SHARDCHANNELS; pubsub SHARDNUMSUB a b; nosuch k; config NOSUCH`,
  'the command table': calls`
    command; command COUNT; command INFO get nosuch; command INFO config|get; command DOCS get; command DOCS xinfo
    command DOCS nosuch; command GETKEYS set k v; command GETKEYS get; command GETKEYSANDFLAGS lmove a b left left
    command LIST; command LIST FILTERBY PATTERN xa*; command LIST FILTERBY ACLCAT geo; command NOSUCH`,
  help: calls`
    acl HELP; client HELP; cluster HELP; command HELP; config HELP; function HELP; latency HELP; memory HELP; module HELP
    pubsub HELP; script HELP; slowlog HELP`,
  configuration: calls`
    config GET maxmemory; config GET maxmemory* appendonly; config GET nosuch; config SET slowlog-log-slower-than 10000
    config RESETSTAT; config SET nosuch 1; config SET maxmemory nonsense; config REWRITE; slowlog RESET; slowlog LEN
    slowlog GET; config SET slowlog-log-slower-than 0; slowlog GET 1; slowlog LEN
    config SET slowlog-log-slower-than 10000; latency DOCTOR; latency GRAPH command; latency HISTORY command
    latency LATEST; latency RESET; latency HISTOGRAM get; memory DOCTOR; memory STATS; memory MALLOC-STATS; memory PURGE
    module LIST`,
  access: [
    ...calls`acl LOG; acl LOG RESET; acl LOG; acl WHOAMI; acl USERS; acl LIST; acl CAT; acl CAT geo; acl CAT nosuch; acl GENPASS
      acl GENPASS 32; acl GETUSER default; acl GETUSER nosuch`,
    ['acl', 'SETUSER', 'shapes', 'on', '>word', '~a*', '%R~b*', '&c*', '+@read', '-get', '(+get ~z*)'],
    ...calls`acl GETUSER shapes; acl DRYRUN shapes get k; acl DRYRUN default get k; acl DELUSER shapes
      acl DELUSER shapes; acl SETUSER x nonsense; acl LOAD; acl SAVE`,
  ],
  connections: [
    ...calls`
      client ID; client INFO; client LIST; client LIST TYPE pubsub; client LIST ID 999999; client GETNAME; client NOSUCH
      client SETNAME shapes; client GETNAME; client GETREDIR; client TRACKINGINFO; client PAUSE 1; client UNPAUSE;
      client NO-EVICT ON; client NO-EVICT OFF`,
    ['client', 'SETNAME', ''],
  ],
  cluster: calls`
    cluster INFO; cluster MYID; cluster NODES; cluster SLOTS; cluster SHARDS; cluster LINKS; cluster KEYSLOT k
    cluster COUNTKEYSINSLOT 0; cluster GETKEYSINSLOT 0 10; set k v; cluster COUNTKEYSINSLOT 7629
    cluster GETKEYSINSLOT 7629 10; cluster REPLICAS nosuch; cluster SLAVES nosuch; cluster COUNT-FAILURE-REPORTS nosuch
    cluster NOSUCH`,
  'scripts and functions': [
    ['script', 'LOAD', 'return 1'],
    ['evalsha', KNOWN_SHA, 0],
    ['evalsha_ro', KNOWN_SHA, 0],
    ['script', 'EXISTS', KNOWN_SHA, SHA],
    ...calls`script FLUSH; script EXISTS x; script KILL; script NOSUCH; function LIST; function KILL; fcall nosuch 0`,
    ['script', 'LOAD', 'no lua'],
    ['function', 'LOAD', LIBRARY],
    ['function', 'LOAD', LIBRARY],
    ['function', 'LOAD', 'REPLACE', LIBRARY],
    ['fcall', 'shape', 1, 'k', BYTES],
    ...calls`
      fcall shape 0; fcall_ro peek 1 k; fcall_ro shape 1 k; function LIST; function LIST LIBRARYNAME shapes WITHCODE
      function STATS; function DUMP; function DELETE shapes; function DELETE shapes; function RESTORE nonsense
      function FLUSH`,
    ['function', 'LOAD', 'no library'],
  ],
  persistence: calls`save; bgsave`,
};

/** Calls of commands that servers have had since Redis 7.2 or Valkey 7.2, made where this server has them. */
const NEWER: Readonly<Record<string, readonly Call[]>> = {
  'fields that expire': calls`
    hset k a 1 b 2 c 3; hexpire k 1000 FIELDS 2 a none; hpexpire k 1000000 NX FIELDS 1 a
    hexpireat k 9999999999 FIELDS 1 a; hpexpireat k 9999999999000 FIELDS 1 b; hexpiretime k FIELDS 3 a c none
    hpexpiretime k FIELDS 1 b; httl k FIELDS 2 a c; hpttl k FIELDS 1 a; hpersist k FIELDS 2 a c
    hgetex k EX 1000 FIELDS 2 a none; hsetex k EX 1000 FIELDS 1 d 4; hgetdel k FIELDS 2 d none; httl {k}none FIELDS 1 a
    hexpire k nonsense FIELDS 1 a; hexpire k 0 FIELDS 1 a; hgetall k; set {k}s v; hexpire {k}s 1 FIELDS 1 a`,
  conditions: calls`
    set k v; digest k; digest {k}none; delex k IFEQ w; delex k IFEQ v; set k v; delifeq k w; delifeq k v
    msetex 2 k a {k}2 b EX 100; msetex 1 k c NX; mget k {k}2`,
  streams: calls`
    xadd k 1-0 a 1; xadd k 2-0 a 1; xgroup CREATE k g 0; xreadgroup GROUP g c STREAMS k >; xdelex k KEEPREF IDS 1 9-0
    xackdel k g IDS 1 1-0; xcfgset k IDMP-DURATION 100`,
  vectors: calls`
    vadd k VALUES 2 1 0 a; vadd k VALUES 2 0 1 b; vcard k; vdim k; vismember k a; vsetattr k a {"n":1}; vgetattr k a
    vgetattr k none; vsim k ELE a COUNT 2; vrandmember k 5; vrange k - + 5; vrem k b; vrem k b; vcard {k}none`,
  'servers and scripts': [
    ...calls`waitaof 0 0 10; cluster MYSHARDID; client SETINFO LIB-NAME shapes; cluster SLOT-STATS SLOTSRANGE 0 1
      cluster GETSLOTMIGRATIONS`,
    ['script', 'LOAD', 'return 1'],
    ['script', 'SHOW', KNOWN_SHA],
    ['script', 'SHOW', SHA],
  ],
};

/** Commands of the server that are not among the calls above, and why. */
const NOT_COMPARED: Readonly<Record<string, string>> = {
  'asking auth discard exec hello multi quit readonly readwrite reset select unwatch watch':
    'blocked by ours',
  'client|caching client|reply client|tracking monitor script|debug': 'blocked by ours',
  'psubscribe punsubscribe ssubscribe subscribe sunsubscribe unsubscribe': 'blocked by ours: cluster.pubsub',
  'debug failover move replicaof restore-asking shutdown slaveof swapdb': 'blocked by ours, and not harmless',
  bgrewriteaof: 'started or scheduled, as the server is busy',
  pfselftest: 'it keeps a server from all else for half a second',
  'psync replconf sync': 'what replicas say to their primary',
  'client|kill client|unblock module|load module|loadex module|unload': 'of one node; ours wants it named',
  'cluster|addslots cluster|addslotsrange cluster|bumpepoch cluster|delslots cluster|delslotsrange':
    'not harmless',
  'cluster|failover cluster|flushslots cluster|forget cluster|meet cluster|replicate cluster|reset':
    'not harmless',
  'cluster|saveconfig cluster|set-config-epoch cluster|setslot': 'not harmless',
};

/** The same, for commands that not every server has. */
const NOT_COMPARED_EVERYWHERE: Readonly<Record<string, string>> = {
  'client|no-touch client|capa client|import-source': 'blocked by ours',
  'cluster|syncslots cluster|migration cluster|migrateslots cluster|cancelslotmigrations trimslots':
    'not harmless',
  'cluster|flushslot': 'not harmless',
  'hotkeys hotkeys|start hotkeys|stop hotkeys|reset hotkeys|get hotkeys|help':
    'of one node; ours wants it named',
  clusterscan: 'ioredis sends it anywhere',
  'commandlog commandlog|get commandlog|help commandlog|len commandlog|reset': 'ioredis asks one node',
  'vemb vinfo vlinks': 'RESP3 has numbers and maps where RESP2 has text',
  xidmprecord: 'what a primary says to its replicas',
};
const NOT_EVERYWHERE = new Set(Object.keys(NOT_COMPARED_EVERYWHERE).flatMap((text) => text.split(' ')));

/** Commands whose subcommands differ from server to server. */
const CONTAINERS: ReadonlySet<unknown> = new Set(['cluster', 'client', 'script']);

/** Calls whose reply depends on when they are made, with any arguments behind: compared by shape. */
const BY_SHAPE: readonly string[] = [
  ...['time', 'info', 'role', 'lastsave', 'object IDLETIME', 'xpending', 'xinfo', 'acl GENPASS', 'acl LOG'],
  ...['lolwut', 'httl', 'hpttl', 'vrandmember', 'cluster SLOT-STATS'],
  ...[
    'client ID',
    'client INFO',
    'client LIST',
    'cluster INFO',
    'cluster NODES',
    'cluster SHARDS',
    'cluster LINKS',
  ],
];

/** Calls whose reply is in the order of a hash table, each node's another. */
const UNORDERED: readonly string[] = ['command'];

/** Calls that ours answers by node name, as servers leave open what is to become of several replies; by shape too. */
const BY_NODE: readonly string[] = [
  ...['latency DOCTOR', 'latency HISTORY', 'latency LATEST', 'latency HISTOGRAM', 'function STATS'],
  ...['memory DOCTOR', 'memory STATS', 'memory MALLOC-STATS'],
];

const EVERY_NODE = 'ours asks every node, joins what they answer, and tells of each that fails';
const EXACT = 'ioredis rounds integers from 2^53 - 1 on; ours are exact, bigints where a number is not';
const REDACTED = 'ours repeats no arguments in errors';
const UNSENT = 'ours refuses it before anything is sent';

/** Calls that are answered differently on purpose, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'incr {k}big': EXACT,
  'incrby {k}big 1': EXACT,
  'geoadd k 200 200 x': REDACTED,
  'nosuch k': REDACTED,
  'xread COUNT': UNSENT,
  'xread STREAMS k': UNSENT,
  'eval x': UNSENT,
  'lmpop 1': UNSENT,
  'zunionstore k': UNSENT,
  'client SETNAME': EVERY_NODE,
  'acl SETUSER x nonsense': REDACTED,
  'xreadgroup GROUP none c STREAMS k >': REDACTED,
  'xpending k none': REDACTED,
  'client NOSUCH': REDACTED,
  'cluster NOSUCH': REDACTED,
  'command NOSUCH': REDACTED,
  'config NOSUCH': REDACTED,
  'script NOSUCH': REDACTED,
  'object NONSENSE k': REDACTED,
  "eval return 'no lua 1 k a": REDACTED,
  'script LOAD no lua': REDACTED,
  'acl LOAD': EVERY_NODE,
  'acl SAVE': EVERY_NODE,
  'config SET nosuch 1': EVERY_NODE,
  'config SET maxmemory nonsense': EVERY_NODE,
  'latency GRAPH command': EVERY_NODE,
  'slowlog GET 1': EVERY_NODE,
  'slowlog LEN': EVERY_NODE,
  [`eval ${BIG_NUMBER_LUA} 1 k a`]:
    'Buffer forms give Buffers under both protocols, where ioredis gives strings under RESP3',
};

type Methods = Record<string, (...args: unknown[]) => unknown>;

/** Makes calls one way or another, and tells what became of each. */
type Run = (client: Methods, list: readonly Call[]) => Promise<unknown[]>;

/** Errors as what a caller reads of them, wherever they stand in a reply. */
function readable(value: unknown): unknown {
  if (types.isNativeError(value)) return { error: value.name, message: withoutPlace(value.message) };
  return Array.isArray(value) ? value.map(readable) : value;
}

const oneByOne =
  (suffix: '' | 'Buffer'): Run =>
  async (client, list) => {
    const outcomes: unknown[] = [];
    for (const [name, ...args] of list) {
      const method = client[`${String(name)}${suffix}`];
      // what has no method of its own, or another one of that name, goes by `call`
      const call = async (): Promise<unknown> =>
        typeof method === 'function' ? method.apply(client, args) : client[`call${suffix}`](name, ...args);
      outcomes.push(readable(await call().catch((error: unknown) => error)));
    }
    return outcomes;
  };

const together =
  (kind: 'pipeline' | 'multi', suffix: '' | 'Buffer'): Run =>
  async (client, list) => {
    const batch = client[kind]() as Methods;
    for (const [name, ...args] of list) batch[`${String(name)}${suffix}`](...args);
    const results = (await batch.exec()) as [Error | null, unknown][];
    return results.map(([error, reply]) => readable(error ?? reply));
  };

const RUNS: readonly [title: string, run: Run, groups: Readonly<Record<string, readonly Call[]>>][] = [
  ['one by one', oneByOne(''), { ...KEYED, ...ALONE }],
  ['one by one, for Buffers', oneByOne('Buffer'), { ...KEYED, ...ALONE }],
  ['one by one, where the server has them', oneByOne(''), NEWER],
  ['one by one, for Buffers, where the server has them', oneByOne('Buffer'), NEWER],
  ['in a pipeline', together('pipeline', ''), KEYED],
  ['in a pipeline, for Buffers', together('pipeline', 'Buffer'), KEYED],
  ['in a transaction', together('multi', ''), KEYED],
  ['in a transaction, for Buffers', together('multi', 'Buffer'), KEYED],
];

const textOf = (call: Call): string => call.map(String).join(' ');
const isAmong = (list: readonly string[], text: string): boolean =>
  list.some((entry) => text === entry || text.startsWith(`${entry} `));

/** A reply without what it says. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (Buffer.isBuffer(value)) return 'Buffer';
  return typeof value === 'object' && value !== null ? value : typeof value;
}

/** A reply whose lists are in an order of ours. */
function ordered(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map(ordered).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

describe('replies, compared with those of ioredis', () => {
  let cluster: LocalCluster;
  let theirs: Cluster;
  let ours: readonly ClusterClient[];
  let names: ReadonlySet<string>; // of all commands of the server
  const differed = new Set<string>();

  beforeAll(async () => {
    // one shard: ioredis, which asks one node, finds all there is to find
    cluster = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 1 });
    theirs = new Cluster(cluster.seeds);
    ours = ([2, 3] as const).map((protocol) => new ClusterClient({ nodes: cluster.seeds, protocol }));
    names = new Set(((await ours[0].command('LIST')) as string[]).map((name) => name.toLowerCase()));
  });

  afterAll(async () => {
    theirs?.disconnect();
    for (const client of ours ?? []) await client.close();
    await cluster?.stop();
  });

  describe.each(RUNS)('calls %s', (_, run, groups) => {
    it.each(Object.entries(groups))('%s', async (_title, written) => {
      const list = groups === NEWER ? written.filter(isKnown) : written;
      const expected = await outcomesOf(theirs, run, list);
      for (const client of ours) {
        const outcomes = await outcomesOf(client, run, list);
        const same = list.map((call, i) => isSame(textOf(call), outcomes[i], expected[i]));
        const differing = list.map(textOf).filter((text, i) => !same[i] && !(text in DIFFERENT));
        expect(differing.map((text) => ({ text, ...at(list, text, outcomes, expected) }))).toEqual([]);
        list.forEach((call, i) => same[i] || differed.add(textOf(call)));
      }
    });
  });

  it.each([
    ['undefined', undefined, ''],
    ['null', null, ''],
    ['NaN', NaN, 'NaN'],
    ['an object', {}, '[object Object]'],
    ['a date', new Date(0), String(new Date(0))],
    ['a list in a list', [['a', 'b']], 'a,b'],
  ])('are not comparable for %s, which ioredis stores as text', async (_, value, stored) => {
    await theirs.set('k', value as string);
    expect(await theirs.get('k')).toBe(stored);
    for (const client of ours)
      await expect(client.set('k', value as string)).rejects.toBeInstanceOf(InvalidArgumentError);
  });

  it('spell infinity as servers do, where ioredis spells it as JavaScript does', async () => {
    await theirs.set('k', Infinity);
    expect(await theirs.get('k')).toBe('Infinity');
    for (const client of ours) {
      await client.set('k', Infinity);
      expect(await client.get('k')).toBe('+inf');
    }
  });

  it('have the same shape for an uppercase name, where ioredis returns the raw reply', async () => {
    await cleanUp();
    await theirs.hset('k', 'a', 'b');
    expect(await theirs.call('HGETALL', 'k')).toEqual(['a', 'b']);
    for (const client of ours) expect(await client.call('HGETALL', 'k')).toEqual({ a: 'b' });
  });

  it('differ where this file says so', () => {
    expect([...differed].toSorted()).toEqual(Object.keys(DIFFERENT).toSorted());
  });

  it('are compared for every command of the server', async () => {
    const called = new Set(
      [KEYED, ALONE, NEWER]
        .flatMap(Object.values<readonly Call[]>)
        .flatMap((list) =>
          list.flatMap(([name, first]) => [String(name), `${String(name)}|${String(first)}`.toLowerCase()]),
        ),
    );
    const excused = new Set(
      Object.keys({ ...NOT_COMPARED, ...NOT_COMPARED_EVERYWHERE }).flatMap((text) => text.split(' ')),
    );
    expect([...names].filter((name) => !called.has(name) && !excused.has(name))).toEqual([]);
    // a container is called by its subcommands
    const old = [...excused].filter((name) => !NOT_EVERYWHERE.has(name));
    expect(old.filter((name) => called.has(name) || !names.has(name))).toEqual([]);
  });

  async function outcomesOf(
    client: Cluster | ClusterClient,
    run: Run,
    list: readonly Call[],
  ): Promise<unknown[]> {
    await cleanUp();
    return run(client as unknown as Methods, list);
  }

  /** Makes the servers as they were before the first call. */
  async function cleanUp(): Promise<void> {
    const [primary] = cluster.primaries;
    for (const words of calls`FLUSHALL; SCRIPT FLUSH; FUNCTION FLUSH; ACL LOG RESET`)
      await cluster.command(primary, ...(words as [string]));
    await cluster.command(primary, 'AUTH', 'nobody', 'nothing').catch(() => {}); // for ACL LOG
    await eventually(async () => {
      const states = await Promise.all(
        cluster.nodes.map((node) => cluster.command(node, 'INFO', 'persistence')),
      );
      return states.every((state) => !/_(in_progress|scheduled):1/.test(String(state)));
    });
  }

  function isKnown([name, first]: Call): boolean {
    return (
      names.has(String(name)) &&
      (!CONTAINERS.has(name) || names.has(`${String(name)}|${String(first)}`.toLowerCase()))
    );
  }

  function isSame(text: string, outcome: unknown, expected: unknown): boolean {
    if (isAmong(BY_NODE, text)) {
      const reply = (outcome as ReadonlyMap<string, unknown>).get(cluster.primaries[0].name);
      return isDeepStrictEqual(shapeOf(reply), shapeOf(expected));
    }
    const form = isAmong(BY_SHAPE, text)
      ? shapeOf
      : isAmong(UNORDERED, text)
        ? ordered
        : (value: unknown) => value;
    return isDeepStrictEqual(form(outcome), form(expected));
  }

  function at(list: readonly Call[], text: string, outcomes: unknown[], expected: unknown[]): object {
    const index = list.findIndex((call) => textOf(call) === text);
    return { ours: outcomes[index], theirs: expected[index] };
  }
});
