/**
 * Every name that entities store, besides the names of your classes and properties. No other file spells one of them:
 * TypeScript imports them from here, and the Lua sources interpolate them. They are never changed, because stored
 * data has them. `docs/stored-keys.md` shows the same tables; a test compares the two.
 */

/** What keys end in, after the partition's hash tag, or after the tag and the entity's name. */
export const KEY_SUFFIXES = {
  /** ZSET: the indexes of one entity in a partition, its list of rows, and its expiry queue. */
  index: '~ix',
  /** HASH: the unique values of one entity in a partition. */
  unique: '~uq',
  /** ZSET: the tokens in a partition's token window, by time. */
  windowTimes: '~op',
  /** HASH: what the writes in a partition's token window were answered. */
  windowAnswers: '~oa',
  /** ZSET: the tokens that may no longer be committed in a partition, by time. */
  fences: '~fe',
  /** HASH: a lock of a partition; its name follows. */
  lock: '~lk:',
  /** STREAM: the changes of all partitions of one owner in one slot. */
  outbox: '~ev',
} as const;

/** What the hash tags of keys begin with that belong to no partition; the name of the entity follows. */
export const TAG_PREFIXES = {
  /** HASH or ZSET: one bucket of a global index or a global unique constraint. */
  global: '~g:',
  /** HASH: the schema record of an entity. */
  record: '~s:',
} as const;

/** What the keys of buckets end in. */
export const BUCKET_SUFFIXES = { index: ':ix', unique: ':uq' } as const;

/** The fields of a row's hash that are not properties. A property's name never begins with `~`. */
export const ROW_FIELDS = {
  version: '~v',
  /** The tokens and times of the row's last writes, newest first. */
  lastWrites: '~op',
  /** When the row expires, in milliseconds since 1970. */
  expiresAt: '~x',
  /** The encoding of an indexed property, whose name follows. */
  encoding: '~i:',
  /** Says that the property whose name follows was removed, although its class has a default for it. */
  removed: '~n:',
  /** What the row holds in the global index whose name follows: a token and the encodings. */
  hold: '~g:',
} as const;

/** Names that stand in an index where the name of a declared index stands otherwise. */
export const INDEX_LISTS = {
  /** The list of all rows. */
  rows: '~pk',
  /** The queue of rows that expire. */
  expiry: '~x',
} as const;

/** The fields of a lock. */
export const LOCK_FIELDS = {
  /** The token that was issued last. */
  token: 'n',
  holder: 'h',
  /** Until when it is held, in milliseconds since 1970. */
  until: 'x',
} as const;

/** The fields of an entry in an outbox. */
export const OUTBOX_FIELDS = {
  /** The id of the entry before. */
  before: 'b',
  type: 't',
  /** The entity, or the type of an event. */
  entity: 'e',
  /** The id of the partition. */
  partition: 'p',
  id: 'i',
  version: 'v',
  /** The names of what has changed, or the payload of an event. */
  detail: 'd',
} as const;

/** The fields of a schema record. */
export const RECORD_FIELDS = { definition: 'definition', building: 'building' } as const;

/** The field of each entry in a stream of `@StreamOf`. */
export const STREAM_FIELD = 'value';

/** The field of a row with the encoding of an indexed property: the old index entries are made of these. */
export const encodingField = (property: string): string => ROW_FIELDS.encoding + property;

/**
 * The field that says of a property without a value that it was removed, where the class has a default: in a row that
 * was stored before the class had the property it is missing, and the default counts.
 */
export const removedField = (property: string): string => ROW_FIELDS.removed + property;

/** The field of a row that says what it holds in a global index or unique constraint. */
export const holdField = ({ name }: { readonly name: string }): string => ROW_FIELDS.hold + name;
