import { Redis } from 'ioredis';
import type { Reply } from 'keyslot';
import { linesFromCommandReply } from '../../../../lib/cluster/command-table/command-reply.js';
import {
  firstKeyIndex,
  keyIndexes,
  type CommandArgument,
} from '../../../../lib/cluster/command-table/command-keys.js';
import { CommandTable } from '../../../../lib/cluster/command-table/command-table.js';
import { sharedCluster } from '../../../cluster-fixture.js';

const { nodes } = sharedCluster();

/** Calls as one would type them; "" is the empty string. Those of newer servers are left out where they are unknown. */
const CALLS = `
  append k v|bitcount k|bitcount k 0 -1 BIT|bitfield k GET u8 0|bitfield k SET u8 0 1 INCRBY u8 0 1|bitfield_ro k GET u8 0
  bitop AND d a|bitop OR d a b c|bitop NOT d a|bitpos k 1|bitpos k 1 0 -1 BYTE|decr k|decrby k 2|get k|GET k|gEt k|getbit k 0
  getdel k|getex k|getex k EX 10|getrange k 0 -1|getset k v|incr k|incrby k 2|incrbyfloat k 1.5|lcs a b|lcs a b LEN|mget a|mget a b c
  mset a 1|mset a 1 b 2 c 3|msetnx a 1 b 2|psetex k 10 v|set k v|set k v NX|set k v EX 10 GET|setbit k 0 1|setex k 10 v|setnx k v
  setrange k 0 v|strlen k|substr k 0 1

  copy a b|copy a b REPLACE|copy a b DB 0|del a|del a b c|dump k|exists a|exists a b|expire k 10|expire k 10 NX|expireat k 99
  expiretime k|object encoding k|OBJECT FREQ k|object idletime k|object refcount k|memory usage k|memory usage k SAMPLES 5
  persist k|pexpire k 10|pexpireat k 99|pexpiretime k|pttl k|rename a b|renamenx a b|restore k 0 x|restore k 0 x REPLACE
  sort k|sort k DESC ALPHA|sort k LIMIT 0 10|sort k BY nosort|sort k BY w_* GET o_* GET #|sort k STORE d|sort k BY w_* STORE d
  sort k GET store STORE d|sort k STORE d STORE e|sort k LIMIT 0 store|sort k BY store ASC|sort_ro k|sort_ro k BY w_* GET o_* LIMIT 0 1
  touch a b|ttl k|type k|unlink a|unlink a b|move k 1|pfdebug encoding k
  migrate h 1 k 0 100|migrate h 1 k 0 100 COPY REPLACE|migrate h 1 "" 0 100 KEYS a|migrate h 1 "" 0 100 KEYS a b c
  migrate h 1 "" 0 100 COPY AUTH p KEYS a b|migrate h 1 "" 0 100 AUTH2 u p KEYS a b|migrate h 1 "" 0 100 AUTH keys KEYS a
  migrate h 1 "" 0 100 AUTH2 keys keys REPLACE keys a b

  hdel k f|hexists k f|hget k f|hgetall k|hincrby k f 1|hincrbyfloat k f 1|hkeys k|hlen k|hmget k f g|hmset k f v|hrandfield k 2
  hscan k 0|hscan k 0 MATCH x COUNT 5|hset k f v g w|hsetnx k f v|hstrlen k f|hvals k
  hexpire k 10 FIELDS 1 f|hpexpire k 10 NX FIELDS 1 f|httl k FIELDS 1 f|hgetex k EX 10 FIELDS 1 f|hsetex k FIELDS 1 f v|hgetdel k FIELDS 1 f
  hexpireat k 99 FIELDS 1 f|hpexpireat k 99 FIELDS 1 f|hexpiretime k FIELDS 1 f|hpexpiretime k FIELDS 1 f|hpttl k FIELDS 1 f|hpersist k FIELDS 1 f

  blmove a b LEFT RIGHT 0|blmpop 0 1 a LEFT|blmpop 0 3 a b c RIGHT COUNT 2|blpop a 0|blpop a b c 0|brpop a b 1.5|brpoplpush a b 0
  lindex k 0|linsert k BEFORE p v|llen k|lmove a b LEFT RIGHT|lmpop 1 a LEFT|lmpop 2 a b RIGHT COUNT 3|lpop k|lpop k 2|lpos k v RANK 1
  lpush k a b|lpushx k a|lrange k 0 -1|lrem k 0 v|lset k 0 v|ltrim k 0 1|rpop k|rpoplpush a b|rpush k a|rpushx k a

  sadd k m|scard k|sdiff a|sdiff a b|sdiffstore d a b|sinter a b|sintercard 1 a|sintercard 2 a b LIMIT 5|sinterstore d a b
  sismember k m|smembers k|smismember k m n|smove a b m|spop k|spop k 2|srandmember k|srem k m|sscan k 0|sunion a b c|sunionstore d a

  bzmpop 0 1 a MIN|bzmpop 0 2 a b MAX COUNT 2|bzpopmax a b 0|bzpopmin a 0|zadd k 1 m|zadd k NX CH 1 m|zcard k|zcount k 0 1
  zdiff 1 a|zdiff 2 a b WITHSCORES|zdiffstore d 2 a b|zincrby k 1 m|zinter 2 a b WEIGHTS 1 2 AGGREGATE SUM|zintercard 2 a b LIMIT 1
  zinterstore d 2 a b WEIGHTS 1 2|zinterstore 2 1 a|zlexcount k - +|zmpop 1 a MIN|zmpop 2 a b MAX COUNT 5|zmscore k m|zpopmax k|zpopmin k 2
  zrandmember k|zrange k 0 -1|zrange k 0 5 BYSCORE LIMIT 0 1|zrangebylex k - +|zrangebyscore k 0 1|zrangestore d s 0 -1|zrank k m
  zrem k m|zremrangebylex k - +|zremrangebyrank k 0 1|zremrangebyscore k 0 1|zrevrange k 0 1|zrevrangebylex k + -|zrevrangebyscore k 1 0
  zrevrank k m|zscan k 0|zscore k m|zunion 3 a b c|zunionstore d 1 a|zunionstore d 3 a b c WEIGHTS 1 2 3 AGGREGATE MAX

  geoadd k 1 2 m|geodist k a b|geohash k a|geopos k a b|georadius k 1 2 3 m|georadius k 1 2 3 m STORE d|georadius k 1 2 3 m COUNT 5 ASC STOREDIST d
  georadius_ro k 1 2 3 m|georadiusbymember k m 3 km|georadiusbymember k m 3 km STORE d|georadiusbymember k store 3 km STOREDIST d
  georadiusbymember_ro k m 3 km|geosearch k FROMMEMBER m BYRADIUS 1 m|geosearchstore d s FROMLONLAT 1 2 BYBOX 1 2 km STOREDIST
  pfadd k a b|pfcount a|pfcount a b c|pfmerge d a|pfmerge d a b

  xack s g 1|xadd s * f v|xadd s MAXLEN 5 * f v|xautoclaim s g c 0 0|xclaim s g c 0 1|xdel s 1|xgroup create s g $|XGROUP CREATE s g 0 MKSTREAM
  xgroup createconsumer s g c|xgroup delconsumer s g c|xgroup destroy s g|xgroup setid s g 0|xinfo stream s|xinfo stream s FULL
  xinfo groups s|XInfo Consumers s g|xlen s|xpending s g|xpending s g - + 5|xrange s - +|xrevrange s + -|xsetid s 1-1|xtrim s MAXLEN 5
  xread STREAMS a 0|xread COUNT 2 STREAMS a b 0 0|xread BLOCK 0 COUNT 2 STREAMS a b c 0 $ 0|xread count 1 streams streams 0
  xreadgroup GROUP g c STREAMS a >|xreadgroup GROUP g c COUNT 5 BLOCK 10 NOACK STREAMS a b > >|xreadgroup GROUP g streams STREAMS a >
  xreadgroup GROUP streams c STREAMS a b > 0

  eval s 1 a|eval s 2 a b c d|EVAL s 3 a b c|evalsha s 1 a x|eval_ro s 1 a|evalsha_ro s 2 a b|fcall f 1 a x y|fcall_ro f 2 a b
  watch a b
  msetex 1 a 1|msetex 2 a 1 b 2 EX 10|digest k|delex k IFEQ v|delifeq k v|vadd k VALUES 1 1 e|vsim k ELE e|vemb k e|vrem k e|vcard k|vdim k|vinfo k|vlinks k e|vgetattr k e|vsetattr k e {}|vrandmember k|vismember k e|xackdel s g KEEPREF IDS 1 1|xdelex s KEEPREF IDS 1 1|xcfgset s IDMP-DURATION 100|xidmprecord s p i 1-1|vrange k - + 5
`
  .trim()
  .split(/[|\n]/)
  .map((call) => call.trim().split(/ +/))
  .filter((words) => words[0] !== '')
  .map((words) => words.map((word) => (word === '""' ? '' : word)));

/** Calls that have no key: the server says so. */
const KEYLESS_CALLS = [
  'eval s 0',
  'eval s 0 a b',
  'fcall f 0',
  'ping',
  'info',
  'dbsize',
  'config get a',
  'object help',
].map((call) => call.split(' '));

/** Calls in which the server finds no place for the keys, and so do we. */
const MALFORMED_CALLS = [
  ...[
    'eval s 2 a',
    'eval s -1 a',
    'eval s x a',
    'zunionstore d 3 a b',
    'zunionstore d x a',
    'lmpop 5 a LEFT',
    'sintercard x a',
  ],
  ...['xread STREAMS a', 'xread COUNT 5 a b c', 'xreadgroup GROUP g c NOACK a b'],
].map((call) => call.split(' '));

describe('the command table, compared with a server', () => {
  const table = new CommandTable();
  let redis: Redis;
  let lines: ReturnType<typeof linesFromCommandReply>;

  beforeAll(async () => {
    redis = new Redis({ ...nodes[0], maxRetriesPerRequest: 0 });
    lines = linesFromCommandReply((await redis.call('COMMAND')) as Reply);
  });

  afterAll(() => {
    redis.disconnect();
  });

  function keysOf([name, ...args]: CommandArgument[]): CommandArgument[] {
    const row = table.lookup(String(name), args);
    if (row === undefined) throw new Error(`${String(name)} is not in the table`);
    const indexes = keyIndexes(row, args);
    expect(firstKeyIndex(row, args)).toBe(indexes[0] ?? -1);
    return indexes.map((index) => args[index]);
  }

  /** What COMMAND GETKEYS says; nothing where it sees no keys, or none where they should be. */
  async function serverKeysOf(call: CommandArgument[]): Promise<unknown> {
    try {
      return await redis.call('COMMAND', ['GETKEYS', ...call]);
    } catch (error) {
      expect(String(error)).toMatch(/no key arguments|Invalid|wrong number/);
      return [];
    }
  }

  const known = (call: string[]) => lines.some(([name]) => name === call[0].toLowerCase());

  it('finds the same keys as COMMAND GETKEYS', async () => {
    const calls = CALLS.filter(known);
    expect(calls.length).toBeGreaterThan(250);
    const ours = calls.map((call) => [call.join(' '), keysOf(call)]);
    const theirs = await Promise.all(calls.map(async (call) => [call.join(' '), await serverKeysOf(call)]));
    expect(ours).toEqual(theirs);
  });

  it('finds keys and counts that are Buffers or numbers', async () => {
    const call = ['eval', 's', 3, Buffer.from([0xff, 0x00]), 7, 'k', 'v'];
    expect(keysOf(call)).toEqual([Buffer.from([0xff, 0x00]), 7, 'k']);
    expect(keysOf(['mget', 1, Buffer.from('b')])).toEqual([1, Buffer.from('b')]);
    expect(keysOf(['zunionstore', 'd', Buffer.from('2'), 'a', 'b'])).toEqual(['d', 'a', 'b']);
    expect(keysOf(['xread', Buffer.from('streams'), 'a', '0'])).toEqual(['a']);
    expect(await serverKeysOf(call)).toHaveLength(3);
  });

  it('finds no keys if the server finds none', async () => {
    expect(KEYLESS_CALLS.map(keysOf)).toEqual(KEYLESS_CALLS.map(() => []));
    expect(await Promise.all(KEYLESS_CALLS.map(serverKeysOf))).toEqual(KEYLESS_CALLS.map(() => []));
  });

  it.each(MALFORMED_CALLS)('rejects what the server cannot parse either: %s %s %s', async (...call) => {
    expect(await serverKeysOf(call)).toEqual([]);
    expect(() => keysOf(call)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('is tested here with a call for every command that has keys', () => {
    const keyed = lines.filter(([, , , ...keys]) => keys.length > 0).map(([name]) => name);
    const called = new Set(CALLS.map(([name, ...args]) => table.lookup(name, args)?.name));
    // the server has these for itself, or counts their channels or cursors as keys
    const others = ['restore-asking', 'spublish', 'ssubscribe', 'sunsubscribe', 'clusterscan'];
    expect(keyed.filter((name) => !called.has(name) && !others.includes(name))).toEqual([]);
  });

  it('contains every command of the server, with the same flags', () => {
    // a script may write, whatever the server's flags say
    const scripts = ['eval', 'evalsha', 'fcall'];
    const theirs = lines.map(([name, flags]) => {
      return [name, flags.includes('readonly'), flags.includes('write') || scripts.includes(name)];
    });
    const ours = lines.map(([name]) => {
      const [command, ...subcommand] = name.split(' ');
      const row = table.lookup(command, subcommand);
      return [row?.name, row?.readonly, row?.write];
    });
    expect(lines.length).toBeGreaterThan(350);
    expect(ours).toEqual(theirs);
  });
});
