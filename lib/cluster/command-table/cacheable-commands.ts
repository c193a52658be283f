import { wordOf, type CommandArgument } from './command-keys.js';
import type { CommandRow } from './command-table.js';

/** Reads of one key whose reply changes only when the key changes, so that it can be kept until then. */
const CACHEABLE: ReadonlySet<string> = new Set(
  [
    'digest dump exists expiretime pexpiretime pfcount type',
    'get getrange substr strlen getbit bitcount bitpos bitfield_ro',
    'hget hmget hgetall hkeys hvals hlen hexists hstrlen',
    'lrange lindex llen lpos',
    'scard sismember smismember smembers',
    'zcard zcount zlexcount zscore zmscore zrank zrevrank',
    'zrange zrangebyscore zrangebylex zrevrange zrevrangebyscore zrevrangebylex',
    'geodist geohash geopos geosearch georadius_ro georadiusbymember_ro',
    'xlen xrange xrevrange',
    'arcount arget argetrange argrep arinfo arlastitems arlen armget arnext arop arscan',
    'vcard vdim vemb vgetattr vinfo vismember vlinks vrange vsim',
  ]
    .join(' ')
    .split(' '),
);

/** Reads of one key that are never kept, each group with the reason. */
export const UNCACHED_READS: ReadonlyMap<string, string> = new Map([
  ...reads('hrandfield srandmember vrandmember zrandmember', 'the reply is random'),
  ...reads('ttl pttl httl hpttl hexpiretime hpexpiretime', 'the reply changes with time'),
  ...reads('hscan sscan zscan', 'a cursor belongs to one scan'),
  ...reads(
    'object encoding,object freq,object idletime,object refcount,memory usage',
    'it is about the server',
    ',',
  ),
  ...reads('xinfo consumers,xinfo groups,xinfo stream,xpending', 'the reply contains times', ','),
  ...reads('sort_ro', 'it may read other keys'),
  ...reads('touch', 'the server is to notice it'),
]);

function reads(names: string, reason: string, separator = ' '): (readonly [string, string])[] {
  return names.split(separator).map((name) => [name, reason]);
}

/** Commands over hashes. Their fields may expire on their own, which changes the reply without a write. */
const OF_HASHES = /^h/;

/** Whether the reply may change because a field of a hash expires. */
export function readsFields({ name }: CommandRow): boolean {
  return OF_HASHES.test(name);
}

/** Returns the index of the key of a read whose reply can be kept; -1 for any other call. */
export function cacheableKey(
  { name, keyKind, firstKey }: CommandRow,
  args: readonly CommandArgument[],
): number {
  if (!CACHEABLE.has(name)) return -1;
  if (keyKind === 'first') return firstKey < args.length && !isRandom(name, args) ? firstKey : -1;
  // EXISTS and PFCOUNT take several keys
  return args.length === 1 ? 0 : -1;
}

/** VSIM with a filter of time has none; but GEOSEARCH with ANY may return any members. */
function isRandom(name: string, args: readonly CommandArgument[]): boolean {
  return name.startsWith('geo') && args.some((argument) => wordOf(argument) === 'any');
}
