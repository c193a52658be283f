import { unixMs } from '../common/timers.js';
import { wordOf, type ArgumentTest, type CommandArgument } from './command-keys.js';

type Arguments = readonly CommandArgument[];

/**
 * Commands, beside those that only read keys, which may run twice unnoticed: the second run right after the
 * first leaves the same state and gives the same reply. What is not here is not sent again once it may have
 * run. So `del`, `hset`, `sadd`, `zadd` and the like are missing, though they end in the same state: their
 * reply counts what changed, and would be wrong.
 */
export const idempotentCommands: ReadonlyMap<string, true | ArgumentTest> = new Map<
  string,
  true | ArgumentTest
>([
  // the value is replaced, and the reply does not speak of the old one
  ['set', set],
  ['setex', true],
  ['psetex', true],
  ['mset', true],
  ['msetex', msetex],
  ['hmset', true],
  ['hsetex', hsetex],
  ['lset', true],
  ['setrange', true],
  ['vsetattr', true],
  ['xsetid', true],
  ['xgroup setid', true],
  ['restore', (args) => args.slice(3).some((argument) => wordOf(argument) === 'replace')],
  ['copy', (args) => args.slice(2).some((argument) => wordOf(argument) === 'replace')],

  // the same cut again takes nothing more away
  ['ltrim', ltrim],

  // a time to live is set: 1 both times, unless the first run deletes the key or condition fails the second
  ['expire', (args) => args.length === 2 && Number(wordOf(args[1])) > 0],
  ['pexpire', (args) => args.length === 2 && Number(wordOf(args[1])) > 0],
  ['expireat', (args) => args.length === 2 && Number(wordOf(args[1])) * 1000 > unixMs()],
  ['pexpireat', (args) => args.length === 2 && Number(wordOf(args[1])) > unixMs()],
  ['hexpire', (args) => Number(wordOf(args[1])) > 0 && wordOf(args[2]) === 'fields'],
  ['hpexpire', (args) => Number(wordOf(args[1])) > 0 && wordOf(args[2]) === 'fields'],
  ['getex', (args) => args.length === 1 || RELATIVE_EXPIRY.has(wordOf(args[1]))],
  ['hgetex', (args) => wordOf(args[1]) === 'fields' || RELATIVE_EXPIRY.has(wordOf(args[1]))],

  // computed from other keys; from the destination itself, a second run would start from something else
  ['bitop', (args) => !among(args[1], args, 2)],
  ['georadius', (args) => !storesOverSource(args, 5)],
  ['georadiusbymember', (args) => !storesOverSource(args, 4)],
  ['geosearchstore', (args) => !among(args[0], args, 1, 2)],
  ['pfmerge', true],
  ['sdiffstore', (args) => !among(args[0], args, 1)],
  ['sinterstore', true],
  ['sort', (args) => !storesOverSource(args, 1)],
  ['sunionstore', true],
  ['zdiffstore', (args) => !among(args[0], args, 2)],
  ['zinterstore', (args) => !among(args[0], args, 2)],
  ['zrangestore', (args) => !among(args[0], args, 1, 2)],
  ['zunionstore', (args) => !among(args[0], args, 2)],

  // from where it is told, and `$` is another place the next time
  ['xread', (args) => !among('$', args, 1)],

  // settings, replaced by the same
  ['acl load', true],
  ['acl save', true],
  ['client setinfo', true],
  ['client setname', true],
  ['config resetstat', true],
  ['config rewrite', true],
  ['config set', true],
  ['function load', (args) => args.slice(1).some((argument) => wordOf(argument) === 'replace')],
  ['memory purge', true],
  ['script flush', true],
  ['script load', true],
  ['slowlog reset', true],

  // they ask a server about itself; servers do not flag these as reading
  ...['command', 'echo', 'info', 'lastsave', 'ping', 'role', 'time'].map((name) => [name, true] as const),
  ...questions('acl', 'cat', 'dryrun', 'genpass', 'getuser', 'list', 'users', 'whoami'),
  ...questions('client', 'getname', 'getredir', 'id', 'info', 'list', 'trackinginfo'),
  ...questions('cluster', 'count-failure-reports', 'countkeysinslot', 'getkeysinslot', 'getslotmigrations'),
  ...questions('cluster', 'info', 'keyslot', 'links', 'myid', 'myshardid', 'nodes', 'replicas', 'shards'),
  ...questions('cluster', 'slaves', 'slot-stats', 'slots'),
  ...questions('command', 'count', 'docs', 'getkeys', 'getkeysandflags', 'info', 'list'),
  ...questions('commandlog', 'get', 'len'),
  ...questions('config', 'get'),
  ...questions('function', 'dump', 'list', 'stats'),
  ...questions('latency', 'doctor', 'graph', 'histogram', 'history', 'latest'),
  ...questions('memory', 'doctor', 'malloc-stats', 'stats'),
  ...questions('module', 'list'),
  ...questions('object'),
  ...questions('pubsub', 'channels', 'numpat', 'numsub', 'shardchannels', 'shardnumsub'),
  ...questions('script', 'exists', 'show'),
  ...questions('slowlog', 'get', 'len'),
  ...questions('xgroup'),
  ...questions('xinfo'),
]);

function questions(container: string, ...subcommands: string[]): (readonly [string, true])[] {
  return ['help', ...subcommands].map((subcommand) => [`${container} ${subcommand}`, true]);
}

/** Options of SET and its kin under which a second run does the same, and how many arguments each takes. */
const REPEATABLE_OPTIONS = new Map([
  ['ex', 1],
  ['px', 1],
  ['exat', 1],
  ['pxat', 1],
  ['keepttl', 0],
  // what has just been written exists the second time
  ['xx', 0],
  ['fxx', 0],
]);

/** Options of GETEX under which the value is still there the second time; a past EXAT deletes it. */
const RELATIVE_EXPIRY: ReadonlySet<string> = new Set(['ex', 'px', 'persist']);

/** Not with NX or IFEQ, which fail the second time, nor with GET, which then gives the new value. */
function set(args: Arguments): boolean {
  return args.length === 2 || hasRepeatableOptions(args, 2);
}

function msetex(args: Arguments): boolean {
  return hasRepeatableOptions(args, 1 + 2 * Number(wordOf(args[0])));
}

function hsetex(args: Arguments): boolean {
  return hasRepeatableOptions(args, 1);
}

/** Whether only such options stand from an index on, up to the end or to FIELDS. */
function hasRepeatableOptions(args: Arguments, from: number): boolean {
  if (!(from >= 0)) return false;
  for (let index = from; index < args.length; index++) {
    const option = wordOf(args[index]);
    if (option === 'fields') return true;
    const following = REPEATABLE_OPTIONS.get(option);
    if (following === undefined) return false;
    index += following;
  }
  return true;
}

/** Whether it keeps a head, a tail, all, or nothing; anything else cuts again from what was left. */
function ltrim(args: Arguments): boolean {
  const start = Number(wordOf(args[1]));
  const stop = Number(wordOf(args[2]));
  const keepsHead = start === 0 && stop >= -1;
  const keepsTail = start < 0 && stop === -1;
  const keepsNothing = stop >= 0 && start > stop;
  return keepsHead || keepsTail || keepsNothing;
}

/** Whether SORT or GEORADIUS stores its result where it found its elements. */
function storesOverSource(args: Arguments, from: number): boolean {
  for (let index = from; index + 1 < args.length; index++) {
    const option = wordOf(args[index]);
    if ((option === 'store' || option === 'storedist') && among(args[0], args, index + 1, index + 2))
      return true;
  }
  return false;
}

/** Whether one of the arguments from an index on is this one. */
function among(
  argument: CommandArgument | undefined,
  args: Arguments,
  from: number,
  to = args.length,
): boolean {
  const sought = bytesOf(argument);
  return args.slice(from, to).some((candidate) => bytesOf(candidate).equals(sought));
}

function bytesOf(argument: CommandArgument | undefined): Buffer {
  return Buffer.isBuffer(argument) ? argument : Buffer.from(String(argument));
}
