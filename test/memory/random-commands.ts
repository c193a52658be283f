import { type Random, randomBelow } from '../../lib/testing/memory/keyspace/random.js';

/** A command: its name and arguments. */
export type Call = readonly [name: string, ...args: string[]];

/** Makes random commands of few keys, members and values, so that they often meet. All keys are in one slot. */
export class RandomCommands {
  constructor(
    private readonly random: Random,
    private readonly tag: string,
  ) {}

  next(): Call {
    const name = this.one(NAMES);
    return [name, ...TABLE[name].flatMap((part) => this.part(part))];
  }

  private part(part: string): string[] {
    if (part.endsWith('*')) {
      const count = 1 + randomBelow(this.random, 3);
      return Array.from({ length: count }, () => this.parts(part.slice(0, -1))).flat();
    }
    if (part.endsWith('?')) return this.random() < 0.4 ? this.parts(part.slice(0, -1)) : [];
    return this.parts(part);
  }

  /** @param group parts with spaces between them; one of several with bars between them */
  private parts(group: string): string[] {
    const alternative = this.one(group.split('|'));
    return alternative.split(' ').map((word) => this.word(word));
  }

  private word(word: string): string {
    const values = VALUES[word];
    if (values === undefined) return word;
    return word === 'key' ? `{${this.tag}}${this.one(values)}` : this.one(values);
  }

  private one<T>(list: readonly T[]): T {
    return list[randomBelow(this.random, list.length)];
  }
}

/** What words of the table stand for. Few keys of wrong types are meant. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  key: ['a', 'b', 'c', 'd', 'e', 'f'],
  field: ['x', 'y', 'z', '\u00e9', ''],
  value: ['v', '1', '-7', '007', '9223372036854775807', '1.5', 'x y', '', '\0\r\n', 'y'],
  int: ['0', '1', '-1', '2', '-3', '5', '100', 'no', '01'],
  count: ['0', '1', '2', '10'],
  step: ['1', '-1', '7', '9223372036854775807', '-9223372036854775808', 'no'],
  float: ['0.5', '-1.25', '3', 'no'],
  score: ['0', '1', '-1', '2.5', 'inf', '-inf', 'no'],
  bound: ['-inf', '+inf', '0', '1', '(1', '(-1', '2.5', 'no'],
  lex: ['-', '+', '[x', '(x', '[y', '(z', '[', 'no'],
  id: ['1-1', '1-2', '2-0', '3', '0-0', '5-*', 'no'],
  place: ['-', '+', '1', '2-0', '(1-1', '(2', '0', 'no'],
  time: ['4102444800000', '4102444800001', '1', 'no'],
  glob: ['*', '{*}a', '*[bc]', '*[^a]', '*?', '\\*'],
};

/** The arguments of each command: words of `VALUES`, others as they are; `?` for sometimes, `*` for some. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  get: ['key'],
  set: ['key', 'value', 'NX|XX|GET|KEEPTTL|PXAT time|EX no?'],
  setnx: ['key', 'value'],
  getset: ['key', 'value'],
  getdel: ['key'],
  mget: ['key*'],
  mset: ['key value*'],
  msetnx: ['key value*'],
  incr: ['key'],
  decrby: ['key', 'step'],
  incrby: ['key', 'step'],
  append: ['key', 'value'],
  strlen: ['key'],
  getrange: ['key', 'int', 'int'],
  setrange: ['key', 'int', 'value'],
  exists: ['key*'],
  del: ['key*'],
  unlink: ['key'],
  type: ['key'],
  rename: ['key', 'key'],
  renamenx: ['key', 'key'],
  copy: ['key', 'key', 'REPLACE?'],
  persist: ['key'],
  pexpireat: ['key', 'time', 'NX|XX|GT|LT?'],
  pexpiretime: ['key'],
  expiretime: ['key'],
  hset: ['key', 'field value*'],
  hsetnx: ['key', 'field', 'value'],
  hget: ['key', 'field'],
  hmget: ['key', 'field*'],
  hgetall: ['key'],
  hkeys: ['key'],
  hvals: ['key'],
  hlen: ['key'],
  hexists: ['key', 'field'],
  hstrlen: ['key', 'field'],
  hdel: ['key', 'field*'],
  hincrby: ['key', 'field', 'step'],
  sadd: ['key', 'field*'],
  srem: ['key', 'field*'],
  smembers: ['key'],
  scard: ['key'],
  sismember: ['key', 'field'],
  smismember: ['key', 'field*'],
  smove: ['key', 'key', 'field'],
  sunion: ['key*'],
  sinter: ['key*'],
  sdiff: ['key*'],
  sdiffstore: ['key', 'key*'],
  sinterstore: ['key', 'key*'],
  sunionstore: ['key', 'key*'],
  rpush: ['key', 'value*'],
  lpush: ['key', 'value*'],
  rpushx: ['key', 'value'],
  lpop: ['key', 'count?'],
  rpop: ['key', 'count?'],
  llen: ['key'],
  lrange: ['key', 'int', 'int'],
  lindex: ['key', 'int'],
  lset: ['key', 'int', 'value'],
  lrem: ['key', 'int', 'value'],
  ltrim: ['key', 'int', 'int'],
  linsert: ['key', 'BEFORE|AFTER|no', 'value', 'value'],
  lpos: ['key', 'value', 'RANK int?', 'COUNT count?'],
  lmove: ['key', 'key', 'LEFT|RIGHT', 'LEFT|RIGHT|no'],
  rpoplpush: ['key', 'key'],
  zadd: ['key', 'NX|XX|GT|LT?', 'CH|INCR?', 'score field*'],
  zincrby: ['key', 'float', 'field'],
  zrem: ['key', 'field*'],
  zcard: ['key'],
  zscore: ['key', 'field'],
  zmscore: ['key', 'field*'],
  zrank: ['key', 'field'],
  zrevrank: ['key', 'field'],
  zcount: ['key', 'bound', 'bound'],
  zlexcount: ['key', 'lex', 'lex'],
  zrange: ['key', 'int int|bound bound BYSCORE|lex lex BYLEX', 'REV?', 'LIMIT int int?', 'WITHSCORES?'],
  zrevrange: ['key', 'int', 'int', 'WITHSCORES?'],
  zrangebyscore: ['key', 'bound', 'bound', 'WITHSCORES?', 'LIMIT int int?'],
  zrevrangebyscore: ['key', 'bound', 'bound', 'LIMIT int int?'],
  zrangebylex: ['key', 'lex', 'lex', 'LIMIT int int?'],
  zrevrangebylex: ['key', 'lex', 'lex', 'LIMIT int int?'],
  zremrangebyscore: ['key', 'bound', 'bound'],
  zremrangebyrank: ['key', 'int', 'int'],
  zremrangebylex: ['key', 'lex', 'lex'],
  zpopmin: ['key', 'count?'],
  zpopmax: ['key', 'count?'],
  xadd: ['key', 'NOMKSTREAM?', 'MAXLEN count?', 'id', 'field value*'],
  xlen: ['key'],
  xrange: ['key', 'place', 'place', 'COUNT count?'],
  xrevrange: ['key', 'place', 'place', 'COUNT count?'],
  xdel: ['key', 'id'],
  xtrim: ['key', 'MAXLEN|MINID', 'count'],
};

const NAMES = Object.keys(TABLE);
