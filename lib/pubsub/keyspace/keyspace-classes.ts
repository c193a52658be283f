/** The classes of `notify-keyspace-events`, and the events of each, as far as servers name them today. */
const EVENTS_OF_CLASS: Readonly<Record<string, readonly string[]>> = {
  g: ['del', 'expire', 'persist', 'rename_from', 'rename_to', 'move_from', 'move_to', 'copy_to', 'restore'],
  $: ['set', 'setrange', 'setbit', 'incrby', 'incrbyfloat', 'append', 'pfadd', 'pfmerge'],
  l: ['lpush', 'rpush', 'lpop', 'rpop', 'linsert', 'lset', 'lrem', 'ltrim', 'sortstore'],
  s: ['sadd', 'srem', 'spop', 'sinterstore', 'sunionstore', 'sdiffstore'],
  h: ['hset', 'hdel', 'hincrby', 'hincrbyfloat', 'hexpire', 'hexpired', 'hpersist'],
  z: [
    ...[
      'zadd',
      'zincr',
      'zrem',
      'zpopmin',
      'zpopmax',
      'zremrangebyrank',
      'zremrangebyscore',
      'zremrangebylex',
    ],
    ...['zrangestore', 'zinterstore', 'zunionstore', 'zdiffstore', 'geosearchstore', 'georadiusstore'],
  ],
  t: [
    'xadd',
    'xdel',
    'xtrim',
    'xsetid',
    'xgroup-create',
    'xgroup-createconsumer',
    'xgroup-delconsumer',
  ].concat(['xgroup-destroy', 'xgroup-setid']),
  x: ['expired'],
  e: ['evicted'],
  m: ['keymiss'],
  n: ['new'],
};

const CLASS_OF_EVENT: ReadonlyMap<string, string> = new Map(
  Object.entries(EVENTS_OF_CLASS).flatMap(([letter, events]) => events.map((event) => [event, letter])),
);

/** What an `A` stands for. */
const ALL = 'g$lshzxetd';

/**
 * What a node lacks to tell events, as letters of `notify-keyspace-events`; empty where it lacks nothing. Events that
 * are not known here are taken to be told.
 * @param flags what the node is set to
 * @param events those wanted; undefined for whichever it tells
 * @see {@link https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/ | Keyspace notifications}
 */
export function missingClasses(flags: string, events: ReadonlySet<string> | undefined): string {
  const told = flags.includes('A') ? flags + ALL : flags;
  const wanted = [...(events ?? [])].map((event) => CLASS_OF_EVENT.get(event));
  const needed = new Set(['K', ...wanted.filter((letter) => letter !== undefined)]);
  const lacking = [...needed].filter((letter) => !told.includes(letter));
  // K and E say where events are told, and any other letter which
  const anything = /[^KE]/.test(told) || lacking.some((letter) => letter !== 'K');
  return [...lacking, ...(anything ? [] : ['A'])].join('');
}
