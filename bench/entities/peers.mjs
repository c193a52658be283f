/**
 * What every adapter in `peers/` gives: one connected client that stores lines (see model.mjs). A method is missing where the
 * peer has no such operation.
 * @typedef {object} LineStore
 * @property {(data: object[]) => Promise<object[]>} load stores lines, and gives them as the peer's own objects
 * @property {(data: object) => Promise<unknown>} insert
 * @property {(line: object, before: string) => Promise<unknown>} save a changed line, whose status was `before`
 * @property {(line: object, quantity: number) => Promise<unknown>} patch one property of a row, without reading it
 * @property {(line: object) => Promise<object>} findOne
 * @property {(lines: object[]) => Promise<object[]>} findMany
 * @property {(orderId: string, status: string) => Promise<object[]>} findBy
 * @property {(changed: { line: object, before: string }[]) => Promise<unknown>} saveMany
 * @property {(from: object, to: object) => Promise<unknown>} move reads two lines of an order, and changes both at once
 * @property {() => Promise<unknown>} close
 */

/**
 * Whom Keyslot's entities are measured against. `comparedOnly` ones are there with `--compare` only.
 * @type {Record<string, { title: string, adapter: string, settings?: object, missing?: string, comparedOnly?: boolean }>}
 */
export const peers = {
  keyslot: { title: 'Keyslot', adapter: 'keyslot' },
  base: {
    title: 'Keyslot at the other commit',
    adapter: 'keyslot',
    settings: { dist: process.env.KEYSLOT_BENCH_BASE, keyPrefix: 'another:' },
    comparedOnly: true,
  },
  multi: {
    title: 'ioredis, MULTI',
    adapter: 'ioredis',
    settings: { indexes: true },
    missing: 'Keeps indexes, and checks neither versions nor uniques.',
  },
  rows: {
    title: 'ioredis, rows alone',
    adapter: 'ioredis',
    settings: { indexes: false },
    missing: 'HSET and HGETALL: no index, no unique, no version; nothing to query by, no transaction.',
  },
  'redis-om': {
    title: 'redis-om',
    adapter: 'redis-om',
    missing:
      'Hash repository on the cluster client of its own node-redis. Queries need RediSearch; no patch, no transaction.',
  },
  spring: {
    title: 'Spring Data Redis',
    adapter: 'spring-data',
    missing: 'Its sequence of commands, sent by ioredis. Nothing is atomic; no transaction on a cluster.',
  },
};
