/** The classes of `notify-keyspace-events` with their known events. */
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

/** The classes that `A` stands for. */
const ALL = 'g$lshzxetd';

/**
 * Returns the letters that `notify-keyspace-events` of a node lacks for these events; empty if it lacks none.
 * Unknown events are assumed to be published.
 * @param flags the node's setting
 * @param events the events wanted; undefined for any event that the node publishes
 * @see {@link https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/ | Keyspace notifications}
 */
export function missingClasses(flags: string, events: ReadonlySet<string> | undefined): string {
  const enabled = flags.includes('A') ? flags + ALL : flags;
  const wanted = [...(events ?? [])].map((event) => CLASS_OF_EVENT.get(event));
  const needed = new Set(['K', ...wanted.filter((letter) => letter !== undefined)]);
  const lacking = [...needed].filter((letter) => !enabled.includes(letter));
  // K and E select the channels; only the other letters select events
  const anything = /[^KE]/.test(enabled) || lacking.some((letter) => letter !== 'K');
  return [...lacking, ...(anything ? [] : ['A'])].join('');
}
