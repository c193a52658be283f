import { InvalidArgumentError, type Reply } from 'keyslot';
import {
  blockedCommands,
  parseAllowBlocked,
  refusalOf,
} from '../../lib/cluster/command-table/blocked-commands.js';
import { rowsFromCommandReply } from '../../lib/cluster/command-table/command-reply.js';
import {
  firstKeyIndex,
  keyIndexes,
  type CommandArgument,
} from '../../lib/cluster/command-table/command-keys.js';
import { commandPolicies } from '../../lib/cluster/command-table/command-policies.js';
import {
  CommandTable,
  commandNames,
  isBlocking,
  isIdempotent,
  unknownCommandRow,
  type CommandRow,
} from '../../lib/cluster/command-table/command-table.js';
import { idempotentCommands } from '../../lib/cluster/command-table/idempotent-commands.js';

const table = new CommandTable();

/** The row of a call written as one would type it. */
function rowOf(call: string): { row: CommandRow; args: string[] } {
  const [name, ...args] = call.split(' ');
  const row = table.lookup(name, args);
  if (row === undefined) throw new Error(`${call}: unknown`);
  return { row, args };
}

describe('lookup', () => {
  it.each(['get', 'GET', 'gEt'])('finds %s', (name) => {
    expect(table.lookup(name, ['k'])?.name).toBe('get');
  });

  it.each([
    ['config', ['get', 'x'], 'config get'],
    ['CONFIG', ['GET', 'x'], 'config get'],
    ['Config', [Buffer.from('Set'), 'x', 'y'], 'config set'],
    ['XGROUP', ['CREATE', 'k', 'g', '$'], 'xgroup create'],
    ['object', ['ENCODING', 'k'], 'object encoding'],
    ['memory', ['usage', 'k'], 'memory usage'],
    ['cluster', ['countkeysinslot', 7], 'cluster countkeysinslot'],
  ] as [string, CommandArgument[], string][])('finds the subcommand in %s %j', (name, args, expected) => {
    expect(table.lookup(name, args)?.name).toBe(expected);
  });

  it('returns the row of the container if the subcommand is missing or unknown', () => {
    expect(table.lookup('config', [])?.name).toBe('config');
    expect(table.lookup('config', ['frobnicate'])).toMatchObject({ name: 'config', keyKind: 'none' });
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'no.such', 'config get'])(
    'finds no command %j',
    (name) => {
      expect(table.lookup(name, ['__proto__'])).toBeUndefined();
      expect(table.lookup('config', [name])?.name).toBe('config');
    },
  );

  it('classifies commands', () => {
    expect(rowOf('get k').row).toMatchObject({ readonly: true, write: false, keyKind: 'first', firstKey: 0 });
    expect(rowOf('set k v').row).toMatchObject({ readonly: false, write: true, request: 'slot' });
    expect(rowOf('eval s 0').row).toMatchObject({ readonly: false, write: true, keyKind: 'movable' });
    expect(rowOf('ping').row).toMatchObject({ readonly: false, write: false, keyKind: 'none', firstKey: -1 });
  });
});

describe('policies', () => {
  it.each([
    // four are split; what is atomic stays whole, whatever a server's tips say
    ['del a b', 'split', 'sum'],
    ['unlink a b', 'split', 'sum'],
    ['exists a b', 'split', 'sum'],
    ['touch a b', 'split', 'sum'],
    ['mget a b', 'slot', 'single'],
    ['mset a 1 b 2', 'slot', 'single'],
    ['msetnx a 1 b 2', 'slot', 'single'],
    ['msetex 1 a 1', 'slot', 'single'],
    // fan-out
    ['dbsize', 'allShards', 'sum'],
    ['keys *', 'allShards', 'union'],
    ['randomkey', 'allShards', 'anyNonNull'],
    ['flushall', 'allShards', 'allSucceeded'],
    ['flushdb', 'allShards', 'allSucceeded'],
    ['ping', 'allShards', 'allSucceeded'],
    ['wait 1 100', 'allShards', 'min'],
    ['waitaof 1 1 100', 'allShards', 'min'],
    ['script load x', 'allShards', 'allSucceeded'],
    ['script exists x', 'allShards', 'logicalAnd'],
    ['script flush', 'allNodes', 'allSucceeded'],
    ['script kill', 'allShards', 'oneSucceeded'],
    ['function load x', 'allShards', 'allSucceeded'],
    ['function stats', 'allShards', 'byNode'],
    ['config set a b', 'allNodes', 'allSucceeded'],
    ['config rewrite', 'allNodes', 'allSucceeded'],
    ['acl setuser u', 'allNodes', 'allSucceeded'],
    ['slowlog get', 'allNodes', 'concatenate'],
    ['slowlog len', 'allNodes', 'sum'],
    ['latency doctor', 'allNodes', 'byNode'],
    ['memory stats', 'allShards', 'byNode'],
    ['pubsub channels', 'allNodes', 'union'],
    ['pubsub numsub a', 'allNodes', 'sumByName'],
    ['pubsub numpat', 'allNodes', 'sum'],
    ['bgsave', 'allNodes', 'allSucceeded'],
    // one node
    ['info', 'defaultNode', 'single'],
    ['config get a', 'defaultNode', 'single'],
    ['cluster nodes', 'defaultNode', 'single'],
    ['time', 'defaultNode', 'single'],
    ['cluster countkeysinslot 5', 'slotNumber', 'single'],
    ['scan 0', 'scan', 'single'],
    ['publish c m', 'slot', 'single'],
    ['spublish c m', 'slot', 'single'],
  ])('%s: %s, %s', (call, request, response) => {
    expect(rowOf(call).row).toMatchObject({ request, response });
  });

  it('distinguishes keys from arguments that only determine the slot', () => {
    expect(rowOf('spublish c m').row.routingOnly).toBe(true);
    expect(rowOf('publish c m').row.routingOnly).toBe(true);
    expect(rowOf('get k').row.routingOnly).toBe(false);
  });

  it('allows only classic messages to go through another primary', () => {
    expect(rowOf('publish c m').row.anyPrimary).toBe(true);
    expect(rowOf('spublish c m').row.anyPrimary).toBe(false);
    expect(rowOf('set k v').row.anyPrimary).toBe(false);
  });

  it('contains a row for every name in its tables', () => {
    const names = [...commandPolicies.keys(), ...blockedCommands.keys(), ...idempotentCommands.keys()];
    expect(
      names.filter((name) => table.lookup(name.split(' ')[0], name.split(' ').slice(1))?.name !== name),
    ).toEqual([]);
  });

  it('lists every name once, spelled as its method', () => {
    expect(new Set(commandNames).size).toBe(commandNames.length);
    expect(commandNames).toEqual(expect.arrayContaining(['get', 'vadd', 'msetex', 'delifeq', 'config']));
    expect(commandNames.every((name) => /^[a-z_-]+$/.test(name))).toBe(true);
  });
});

describe('blocking', () => {
  it.each([
    ['blpop k 0', true],
    ['blmove a b LEFT LEFT 0', true],
    ['blmpop 0 1 k LEFT', true],
    ['bzpopmin k 0', true],
    ['xread STREAMS s 0', false],
    ['xread COUNT 1 STREAMS block 0', false],
    ['xread COUNT 1 BLOCK 0 STREAMS s 0', true],
    ['xreadgroup GROUP block c STREAMS s >', false],
    ['xreadgroup GROUP g block NOACK STREAMS s >', false],
    ['xreadgroup GROUP g c block 5 STREAMS s >', true],
    ['get k', false],
    // it waits for the writes of its own connection
    ['wait 1 0', false],
  ])('%s: %s', (call, expected) => {
    const { row, args } = rowOf(call);
    expect(isBlocking(row, args)).toBe(expected);
  });
});

describe('idempotency', () => {
  it.each([
    'get k',
    'mget a b',
    'scan 0',
    'eval_ro s 0',
    'set k v',
    'set k v EX 10',
    'set k v px 10 xx',
    'set k v KEEPTTL',
    'setex k 10 v',
    'mset a 1 b 2',
    'msetex 2 a 1 b 2 EX 10',
    'hmset k f v',
    'hsetex k FXX EX 10 FIELDS 1 nx v',
    'lset k 0 v',
    'ltrim k 0 99',
    'ltrim k -100 -1',
    'ltrim k 1 0',
    'expire k 10',
    'pexpire k 10',
    'expireat k 9999999999',
    'hexpire k 10 FIELDS 1 f',
    'getex k EX 10',
    'getex k',
    'copy a b REPLACE',
    'restore k 0 x REPLACE',
    'pfmerge a b c',
    'sunionstore a a b',
    'sdiffstore d a b',
    'zunionstore d 2 a b',
    'zrangestore d s 0 -1',
    'bitop AND d a b',
    'sort k',
    'sort k STORE d',
    'georadius k 1 2 3 m STORE d',
    'xread STREAMS s 0',
    'config set a b',
    'config get a',
    'script load x',
    'ping',
    'info',
    'cluster nodes',
    'client list',
    'xgroup help',
  ])('may repeat %s', (call) => {
    const { row, args } = rowOf(call);
    expect(isIdempotent(row, args)).toBe(true);
  });

  it.each([
    'set k v NX',
    'set k v GET',
    'set k v IFEQ x',
    'set k v EX 10 NX',
    'set k v frobnicate',
    'setnx k v',
    'msetnx a 1',
    'msetex 1 a 1 NX',
    'hsetex k FNX FIELDS 1 f v',
    'getset k v',
    'getdel k',
    'getex k EXAT 1',
    'incr k',
    'append k v',
    'setbit k 0 1',
    'del k',
    'unlink k',
    'hset k f v',
    'hdel k f',
    'sadd k m',
    'srem k m',
    'spop k',
    'zadd k 1 m',
    'lpush k v',
    'lpop k',
    'rpoplpush a b',
    'ltrim k 1 -1',
    'ltrim k 0 -2',
    'ltrim k 2 5',
    'expire k 0',
    'expire k -1',
    'expire k 10 NX',
    'expireat k 1',
    'hexpire k 10 NX FIELDS 1 f',
    'persist k',
    'rename a b',
    'copy a b',
    'restore k 0 x',
    'pfadd k e',
    'sdiffstore a b a',
    'zunionstore a 2 a b',
    'bitop XOR a a b',
    'sort k STORE k',
    'geosearchstore a a FROMMEMBER m BYRADIUS 1 m',
    'xadd s * f v',
    'xack s g 1',
    'xread BLOCK 0 STREAMS s $',
    'xreadgroup GROUP g c STREAMS s >',
    'eval s 0',
    'evalsha s 1 k',
    'fcall f 0',
    'publish c m',
    'spublish c m',
    'flushall',
    'wait 1 100',
    'blpop k 0',
    'migrate h 1 k 0 0',
    'bgsave',
    'cluster reset',
  ])('must not repeat %s', (call) => {
    const { row, args } = rowOf(call);
    expect(isIdempotent(row, args)).toBe(false);
  });

  it('compares keys by their bytes', () => {
    const args = [Buffer.from('a'), 'b', 'a'];
    expect(isIdempotent(rowOf('sdiffstore a b a').row, args)).toBe(false);
  });
});

describe('blocked commands', () => {
  const none = parseAllowBlocked([]);

  it.each([
    'shutdown',
    'slaveof h 1',
    'replicaof h 1',
    'move k 1',
    'swapdb 0 1',
    'select 1',
    'monitor',
    'subscribe c',
    'ssubscribe c',
    'watch k',
    'multi',
    'exec',
    'client reply off',
    'hello 3',
    'auth p',
    'reset',
    'readonly',
    'readwrite',
    'asking',
    'psync r 0',
    'debug sleep 1',
    'cluster reset',
  ])('rejects %s, and says why', (call) => {
    expect(refusalOf(rowOf(call).row, none, false)).toMatch(/\w{2} \w/);
  });

  it('allows ordinary commands', () => {
    expect(
      ['get k', 'config set a b', 'cluster nodes', 'client list'].map((call) =>
        refusalOf(rowOf(call).row, none, false),
      ),
    ).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('allows what allowBlocked lists, in any case', () => {
    const allowed = parseAllowBlocked(['Shutdown', ' CLUSTER RESET ']);
    expect(refusalOf(rowOf('shutdown').row, allowed, false)).toBeUndefined();
    expect(refusalOf(rowOf('cluster reset').row, allowed, false)).toBeUndefined();
    expect(refusalOf(rowOf('debug sleep 1').row, allowed, false)).toBeDefined();
  });

  it('allows commands to a named node if they concern only that node, but not dangerous ones', () => {
    expect(refusalOf(rowOf('cluster reset').row, none, true)).toBeUndefined();
    expect(refusalOf(rowOf('client kill x').row, none, true)).toBeUndefined();
    expect(refusalOf(rowOf('shutdown').row, none, true)).toBeDefined();
    expect(refusalOf(rowOf('select 1').row, none, true)).toBeDefined();
  });

  it.each(['get', 'nonsense', 'multi', '__proto__'])('does not need allowBlocked: %s', (name) => {
    expect(() => parseAllowBlocked([name])).toThrow(InvalidArgumentError);
  });
});

describe('keys of malformed calls', () => {
  it.each([
    ['get', [], 'key'],
    ['mget', [], 'key'],
    ['bitop', ['AND'], 'key'],
    ['blpop', ['k'], 'key'],
    ['eval', [], 'numkeys'],
    ['eval', ['s'], 'numkeys'],
    ['eval', ['s', 'x', 'k'], 'numkeys'],
    ['eval', ['s', '-1', 'k'], 'numkeys'],
    ['eval', ['s', '1.5', 'k', 'l'], 'numkeys'],
    ['eval', ['s', ' 1', 'k'], 'numkeys'],
    ['eval', ['s', '2', 'k'], 'numkeys'],
    ['eval', ['s', '99999999999999999999', 'k'], 'numkeys'],
    ['eval', ['s', 9e15, 'k'], 'numkeys'],
    ['eval', ['s', -1, 'k'], 'numkeys'],
    ['eval', ['s', NaN, 'k'], 'numkeys'],
    ['evalsha', ['s', Buffer.from('3'), 'k'], 'numkeys'],
    ['fcall', ['f', '', 'k'], 'numkeys'],
    ['zunionstore', ['d', 'a', 'b'], 'numkeys'],
    ['lmpop', ['2', 'a'], 'numkeys'],
    ['msetex', ['2', 'a', '1'], 'numkeys'],
    ['xread', ['COUNT', '1'], 'STREAMS'],
    ['xread', ['STREAMS'], 'key'],
    ['xread', ['STREAMS', 's'], 'key'],
    ['xreadgroup', ['GROUP', 'g', 'STREAMS'], 'STREAMS'],
    ['migrate', ['h', '1'], 'key'],
    ['xgroup', ['CREATE'], 'key'],
    ['object', ['ENCODING'], 'key'],
  ] as [string, CommandArgument[], string][])(
    '%s %j: is rejected, with the name %s',
    (name, args, argument) => {
      const row = table.lookup(name, args);
      expect(() => keyIndexes(row!, args)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }),
      );
    },
  );

  it('returns argument positions or a typed error for any arguments', () => {
    const words = [
      '',
      '0',
      '1',
      '2',
      '-1',
      '9',
      'x',
      'STREAMS',
      'store',
      'KEYS',
      'auth2',
      'by',
      'limit',
      3,
      -3,
      0.5,
      NaN,
    ];
    const random = randomNumbers(7);
    for (const name of [...commandNames, 'xgroup', 'object', 'memory']) {
      for (let round = 0; round < 40; round++) {
        const args = Array.from({ length: random(9) }, () => words[random(words.length)]);
        const row = table.lookup(name, args)!;
        try {
          const indexes = keyIndexes(row, args);
          expect(indexes.every((index) => Number.isInteger(index) && index >= 0 && index < args.length)).toBe(
            true,
          );
          expect(firstKeyIndex(row, args)).toBe(indexes[0] ?? -1);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgumentError);
        }
      }
    }
  });

  /** Whole numbers below a limit, the same in every run. */
  function randomNumbers(seed: number): (limit: number) => number {
    let state = seed;
    return (limit) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % limit;
    };
  }

  it('leaves missing further keys to the server', () => {
    expect(keyIndexes(rowOf('rename a').row, ['a'])).toEqual([0]);
    expect(keyIndexes(rowOf('pfmerge d').row, ['d'])).toEqual([0]);
  });

  it('finds no keys in a script without any', () => {
    const { row, args } = rowOf('eval s 0 argument');
    expect(keyIndexes(row, args)).toEqual([]);
    expect(firstKeyIndex(row, args)).toBe(-1);
  });
});

describe('commands that the table does not know', () => {
  it('uses the first argument as the key, and assumes that they write', () => {
    const row = unknownCommandRow('JSON.SET', ['k', '$', '1']);
    expect(row).toMatchObject({ name: 'json.set', readonly: false, request: 'slot' });
    expect(firstKeyIndex(row, ['k', '$', '1'])).toBe(0);
    expect(isIdempotent(row, ['k', '$', '1'])).toBe(false);
    expect(unknownCommandRow('MOD.LIST', [])).toMatchObject({ keyKind: 'none', request: 'defaultNode' });
  });

  const moduleEntry: Reply = [
    ...['MOD.GET', 2, ['readonly', 'module'], 1, 1, 1, [], ['request_policy:multi_shard']],
    [
      [
        'flags',
        ['RO'],
        'begin_search',
        ['type', 'index', 'spec', ['index', 1]],
        'find_keys',
        rangeOf(0, 1, 0),
      ],
    ],
    [],
  ];

  function rangeOf(last: number, step: number, limit: number): Reply {
    return ['type', 'range', 'spec', ['lastkey', last, 'keystep', step, 'limit', limit]];
  }

  it('learns them from a server, and keeps what it knows', () => {
    const learned = new CommandTable();
    const get: Reply = ['get', 2, ['write'], 2, 2, 1, [], [], [], []];
    const container: Reply = [
      ...['mod', -2, [], 0, 0, 0, [], [], []],
      [
        ['mod|__proto__', 3, ['write'], 2, 2, 1, [], [], [], []],
        ['elsewhere|sub', 2, [], 0, 0, 0, [], [], [], []],
      ],
    ];
    learned.extend(rowsFromCommandReply([moduleEntry, get, container]));
    expect(learned.lookup('mod.get', ['k'])).toMatchObject({ readonly: true, request: 'slot', firstKey: 0 });
    expect(learned.lookup('get', ['k'])).toMatchObject({ readonly: true, write: false, firstKey: 0 });
    expect(learned.lookup('MOD', ['__PROTO__', 'k'])).toMatchObject({ name: 'mod __proto__', firstKey: 1 });
    expect(learned.lookup('elsewhere', ['sub'])).toBeUndefined();
    expect(new CommandTable().lookup('mod.get', ['k'])).toBeUndefined();
    expect(Object.hasOwn(Object.prototype, 'firstKey')).toBe(false);
  });

  it('learns subcommands of known containers, for one client only', () => {
    const learned = new CommandTable();
    const container: Reply = [
      ...['config', -2, [], 0, 0, 0, [], [], []],
      [['config|planted', 3, ['write'], 2, 2, 1, [], [], [], []]],
    ];
    learned.extend(rowsFromCommandReply([container]));
    expect(learned.lookup('config', ['planted', 'k'])).toMatchObject({ name: 'config planted', write: true });
    expect(learned.lookup('config', ['get', 'k'])).toBe(table.lookup('config', ['get', 'k']));
    expect(new CommandTable().lookup('config', ['planted', 'k'])).toMatchObject({ name: 'config' });
  });

  it('accepts key positions from servers without key specifications', () => {
    const [row] = rowsFromCommandReply([['OLD.MSET', -3, ['write'], 1, -1, 2]]);
    expect(keyIndexes(row, ['a', '1', 'b', '2'])).toEqual([0, 2]);
    const [movable] = rowsFromCommandReply([['OLD.MOVABLE', -3, ['write', 'movablekeys'], 0, 0, 0]]);
    expect(keyIndexes(movable, ['a', '1'])).toEqual([0]);
  });

  it.each([
    null,
    'OK',
    5,
    [],
    [null, 7, 'get', [], [[]], [''], ['a b'], ['a\nb'], [null, 1], ['x'.repeat(500)]],
    [['M', 'x', 'y', 'z', null, {} as Reply, 0, 'q', 'r', 's']],
    [
      [
        'M',
        1,
        [],
        1,
        1,
        0,
        [],
        [null, 'request_policy:__proto__', 'request_policy:toString'],
        [['begin_search']],
        5,
      ],
    ],
    [
      [
        'M',
        1,
        [],
        NaN,
        1,
        1,
        [],
        [],
        [['begin_search', ['type', 'index', 'spec', ['index', -5]], 'find_keys', []]],
      ],
    ],
    [
      [
        'M',
        1,
        [],
        0,
        0,
        0,
        [],
        [],
        [['begin_search', ['type', 'index', 'spec', ['index', 1]], 'find_keys', rangeOf(0, 0, 0)]],
      ],
    ],
  ] as Reply[])('survives a malformed reply: %j', (reply) => {
    const rows = rowsFromCommandReply(reply);
    const extended = new CommandTable();
    expect(() => extended.extend(rows)).not.toThrow();
    expect(rows.every((row) => ['m', 'x'].includes(row.name) && row.request === 'defaultNode')).toBe(true);
    expect(extended.lookup('get', ['k'])?.firstKey).toBe(0);
  });
});
