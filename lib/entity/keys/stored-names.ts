/**
 * Every name that entities store, besides the names of your classes and properties. No other file spells them out:
 * TypeScript imports them from here, and the Lua sources interpolate them. Never change one, because stored data
 * contains it. `docs/stored-keys.md` shows the same tables; a test compares the two.
 */

/** The suffixes of keys, after the partition's hash tag, or after the tag and the entity's name. */
export const KEY_SUFFIXES = {
  /** ZSET: the indexes of one entity in a partition, its list of rows, and its expiry queue. */
  index: '~ix',
  /** HASH: the unique values of one entity in a partition. */
  unique: '~uq',
  /** ZSET: the tokens in a partition's token window, by time. */
  windowTimes: '~op',
  /** HASH: the replies to the writes in a partition's token window. */
  windowAnswers: '~oa',
  /** ZSET: the tokens that can no longer be committed in a partition, by time. */
  fences: '~fe',
  /** HASH: a lock of a partition. The name of the lock follows. */
  lock: '~lk:',
  /** STREAM: the changes of all partitions of one owner in one slot. */
  outbox: '~ev',
  /** HASH: how far a group of followers is in the outbox of one slot. The name of the group follows. */
  progress: '~fo:',
  /** STREAM: the changes of one slot that a group of followers put aside. The name of the group follows. */
  deadLetters: '~fd:',
} as const;

/** The prefixes of hash tags that belong to no partition. The name of the entity follows. */
export const TAG_PREFIXES = {
  /** HASH or ZSET: one bucket of a global index or a global unique constraint. */
  global: '~g:',
  /** HASH: the schema record of an entity. */
  record: '~s:',
  /** HASH: the members of a group of followers, and their shares of the slots. A colon and the name of the group follow. */
  followers: '~f:',
} as const;

/** The suffixes of buckets. */
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
  /** Marks the property whose name follows as removed, although its class has a default for it. */
  removed: '~n:',
  /** The mark that the property whose name follows is stored in its present type, while `convertFrom` is declared. */
  converted: '~c:',
  /** The row's entry in the global index whose name follows: a token and the encodings. */
  hold: '~g:',
} as const;

/** The names of the lists in an index that are not declared indexes. */
export const INDEX_LISTS = {
  /** The list of all rows. */
  rows: '~pk',
  /** The queue of rows that expire. */
  expiry: '~x',
  /** The rows that are deleted softly, by time. */
  deleted: '~d',
} as const;

/** The name of the global index that lists all rows of a class with `listed: true`. It has no fields. */
export { GLOBAL_LIST } from '../schema/entity-schema.js'; // which must not import from here

/** What precedes a property in the name of its encoding, for the forms that indexes have it in. */
export const ENCODING_FORMS = {
  plain: '',
  /** Text without regard to case. */
  folded: '~ci:',
  /** The elements of an array, each followed by a zero byte. */
  elements: '~el:',
} as const;

/**
 * The encoding of an absent value in an index that has rows without a value. No value has it: in text, byte 1 is
 * followed by another byte.
 */
export const ABSENT_BYTE = 1;
export const ABSENT = String.fromCharCode(ABSENT_BYTE);

/** The fields of a lock. */
export const LOCK_FIELDS = {
  /** The last token that was issued. */
  token: 'n',
  holder: 'h',
  /** When it expires, in milliseconds since 1970. */
  until: 'x',
} as const;

/** The fields of an entry in an outbox. */
export const OUTBOX_FIELDS = {
  /** The id of the preceding entry. */
  before: 'b',
  type: 't',
  /** The entity, or the type of an event. */
  entity: 'e',
  /** The id of the partition. */
  partition: 'p',
  id: 'i',
  version: 'v',
  /** The names of the changed properties, or the payload of an event. */
  detail: 'd',
  /** The trace context of the writer as JSON, if it wrote within a trace. */
  trace: 'c',
  /** The place in a commit of several changes, as `index/count`, followed by the id of the commit's first entry. */
  commit: 'm',
} as const;

/** The fields of a group's progress in one slot. */
export const PROGRESS_FIELDS = {
  /** The id of the last entry that was handled, or `start` for everything that is kept. */
  position: 'p',
  /** The token of the commit that moved the position. */
  positionWriter: 'pw',
  /** The id of the last entry put aside that was handled again. */
  redriven: 'r',
  redrivenWriter: 'rw',
  /** How often the change after a position was handled: the position, a space, the number. */
  attempts: 'a',
} as const;

/** The fields of a group of followers. */
export const GROUP_FIELDS = {
  /** Where the group began: `now` or `start`. */
  begun: 'b',
  /** The member that sets the positions where the group begins. */
  beginner: 'i',
  /** Until when a member is alive, in milliseconds since 1970; negative if it leaves. Its id follows. */
  member: 'm:',
  /** The member that has a share of the slots, whose number follows. */
  share: 's:',
} as const;

/** The fields of a change that was put aside, besides those of its outbox entry. */
export const DEAD_LETTER_FIELDS = {
  /** The id of the outbox entry. */
  entry: 'o',
  attempts: 'a',
  /** The error of the last attempt. */
  error: 'x',
} as const;

/** The prefixes of the fields of an outbox entry that hold values. The name of the property follows. */
export const VALUE_FIELDS = { before: '-', after: '+' } as const;

/** The fields of a schema record. */
export const RECORD_FIELDS = { definition: 'definition', building: 'building' } as const;

/** The field of each entry in a stream of `@StreamOf`. */
export const STREAM_FIELD = 'value';

/** A property in the form in which an index has it. */
interface EncodedField {
  readonly property: string;
  readonly form: keyof typeof ENCODING_FORMS;
}

/** Returns the name of an encoding: the property, after what its form adds. */
export const encodingName = ({ property, form }: EncodedField): string => ENCODING_FORMS[form] + property;

/** Returns the row's field with an encoding. A write finds the old index entries by these fields. */
export const encodingField = (field: EncodedField): string => ROW_FIELDS.encoding + encodingName(field);

/**
 * Returns the field that marks a property as removed, if its class has a default. Without the mark, the row is older
 * than the property, and the default applies.
 */
export const removedField = (property: string): string => ROW_FIELDS.removed + property;

/** Returns the field that marks a property as stored in its present type. */
export const convertedField = (property: string): string => ROW_FIELDS.converted + property;

/** Returns the field with the row's entry in a global index or unique constraint. */
export const holdField = ({ name }: { readonly name: string }): string => ROW_FIELDS.hold + name;
