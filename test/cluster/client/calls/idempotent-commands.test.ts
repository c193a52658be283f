import { Cluster } from 'ioredis';
import { CommandTable, isIdempotent } from '../../../../lib/cluster/command-table/command-table.js';
import { sharedCluster } from '../../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();

/** Keys of all types, each made by one call. */
const KEYS = {
  text: ['set', 'text', 'hello'],
  text2: ['set', 'text2', 'world'],
  list: ['rpush', 'list', 'a', 'b', 'c', 'd', 'a'],
  set: ['sadd', 'set', 'a', 'b', 'c'],
  set2: ['sadd', 'set2', 'a', 'c', 'x'],
  zset: ['zadd', 'zset', '1', 'a', '2', 'b', '3', 'c'],
  zset2: ['zadd', 'zset2', '5', 'a', '7', 'x'],
  hash: ['hset', 'hash', 'f', 'v', 'n', '1'],
  hll: ['pfadd', 'hll', 'a', 'b'],
  hll2: ['pfadd', 'hll2', 'c'],
  stream: ['xadd', 'stream', '1-0', 'f', 'v'],
  geo: ['geoadd', 'geo', '13.36', '38.11', 'p', '15.08', '37.5', 'c'],
  missing: ['del', 'missing'],
  result: ['del', 'result'],
};

/** Calls that the table would send again after a lost reply. */
const REPEATABLE = `
  set text w|set text w EX 100|set text w XX|set text w XX KEEPTTL|set missing v PX 100000|setex text 100 v|psetex text 100000 v
  mset text 1 missing 2|setrange text 2 xx|getex text EX 100|getex text PERSIST|getex text|getex missing EX 100
  expire text 100|pexpire text 100000|expireat text 9999999999|expire missing 10|copy text result REPLACE|copy text list REPLACE
  lset list 0 z|ltrim list 0 2|ltrim list -2 -1|ltrim list 1 0|ltrim list 0 -1|sort list ALPHA|sort list ALPHA DESC STORE result
  hmset hash f w new v|hexpire hash 100 FIELDS 1 f|hgetex hash EX 100 FIELDS 1 f|hsetex hash FXX EX 100 FIELDS 1 f v
  hsetex hash FIELDS 1 new v|bitop AND result text text2|bitop NOT result text|pfmerge hll hll2|pfmerge result hll hll2
  sdiffstore result set set2|sinterstore result set set2|sinterstore set set set2|sinterstore set2 set set2
  sunionstore result set|sunionstore set set2 set|zdiffstore result 2 zset zset2|zinterstore result 2 zset zset2
  zunionstore result 2 zset zset2 WEIGHTS 2 3|zrangestore result zset 0 1
  geosearchstore result geo FROMMEMBER p BYRADIUS 500 km|georadius geo 13 38 500 km STORE result|georadius geo 13 38 500 km
  georadiusbymember geo p 500 km STOREDIST result|xsetid stream 9-9|xread COUNT 1 STREAMS stream 0|touch text|pfcount hll hll2
`;

/** Calls whose second run gives another reply or state, though a variant of theirs above does not. */
const UNREPEATABLE = `
  set missing v NX|set text w GET|getset text w|expire text 0|getex text EXAT 1|copy text result|ltrim list 1 -1|ltrim list 0 -2
  ltrim list 2 3|bitop NOT text text|bitop XOR text text text2|sdiffstore set2 set set2|zdiffstore zset2 2 zset zset2
  zunionstore zset 2 zset zset2|zrangestore zset zset 1 -1|sort list ALPHA LIMIT 1 2 STORE list|hset hash new 1|del text
  hsetex hash FNX FIELDS 1 new v
`;

const callsOf = (text: string): string[][] =>
  text
    .trim()
    .split(/[|\n]/)
    .map((call) => call.trim().split(' '));

describe('a call run twice', () => {
  const table = new CommandTable();
  const keyOf = (name: string): string => `{${keyspace}}${name}`;
  let cluster: Cluster;
  let known: Set<string>;

  beforeAll(async () => {
    cluster = new Cluster([...nodes]);
    known = new Set((await cluster.command('LIST')) as string[]);
  });

  afterAll(async () => {
    await cluster.del(...Object.keys(KEYS).map(keyOf));
    cluster.disconnect();
  });

  const withKeys = (words: string[]) => words.map((word, i) => (i > 0 && word in KEYS ? keyOf(word) : word));

  /** The reply, or the error, as text. */
  async function run([name, ...args]: string[]): Promise<string> {
    return JSON.stringify(await cluster.call(name, args).catch(String));
  }

  /** All the keys hold, and whether they expire. */
  async function state(): Promise<string> {
    const names = Object.keys(KEYS).map(keyOf);
    const contents = names.map(async (key) => {
      const type = await cluster.type(key);
      const expires = (await cluster.ttl(key)) > 0;
      // sets and hashes have no order
      if (type === 'set') return [expires, (await cluster.smembers(key)).toSorted()];
      if (type === 'hash') return [expires, Object.entries(await cluster.hgetall(key)).toSorted()];
      return [expires, (await cluster.dumpBuffer(key))?.toString('hex')];
    });
    return JSON.stringify(await Promise.all(contents));
  }

  /** Whether the second run shows neither in the reply nor in the keys. */
  async function goesUnnoticed(words: string[]): Promise<boolean> {
    await cluster.del(...Object.keys(KEYS).map(keyOf));
    await Promise.all(Object.values(KEYS).map((call) => run(withKeys(call))));
    const call = withKeys(words);
    const first = [await run(call), await state()];
    expect(first[0]).not.toMatch(/ERR|WRONGTYPE/);
    return JSON.stringify(first) === JSON.stringify([await run(call), await state()]);
  }

  it.each([
    ['shows nothing where the table would repeat it', REPEATABLE, true],
    ['shows where the table would not', UNREPEATABLE, false],
  ])('%s', async (_, text, expected) => {
    const calls = callsOf(text).filter(([name]) => known.has(name));
    const observed: [string, boolean, boolean][] = [];
    for (const words of calls) {
      const [name, ...args] = withKeys(words);
      observed.push([
        words.join(' '),
        isIdempotent(table.lookup(name, args)!, args),
        await goesUnnoticed(words),
      ]);
    }
    expect(observed).toEqual(calls.map((words) => [words.join(' '), expected, expected]));
  });
});
