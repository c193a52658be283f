import type { ClusterCommands } from '../commands/cluster-commands.js';

type Commands = ClusterCommands;
type Key = string | Buffer | number;

/**
 * The commands of `cluster.nonAtomic`, with the same arguments and replies as on the client. What a method says
 * about its steps applies to keys in several slots; in one slot, the command is atomic.
 *
 * All methods can throw the errors of their steps. If a step fails after another has changed something, they
 * throw `IncompleteOperationError`, which says what is left. A client that ends at that point leaves the same.
 */
export interface NonAtomicMethods {
  /**
   * Returns values in the order of the keys: null if a key is missing or not a string, and an empty list for an
   * empty list. Sends one MGET per slot, all at once.
   *
   * Values of different slots may be of different moments. Nothing is changed, so nothing can be left
   * half-done.
   */
  mget: Commands['mget'];
  /** Does the same as `mget`, with values as Buffers. */
  mgetBuffer: Commands['mgetBuffer'];

  /**
   * Sets keys to values, given alternately, as pairs, as an object or as a Map. Sends one MSET per slot, all at
   * once.
   *
   * A crash leaves the keys of some slots written, and those of others not. Calling it again writes all of
   * them.
   * @throws PartialWriteError naming the keys that were written, and those that were not with the reason
   */
  mset: Commands['mset'] & ((pairs: readonly (readonly [key: Key, value: Key])[]) => Promise<'OK'>);

  /**
   * Sets keys if none of them exists: returns 1, or 0 if one exists. Checks all keys first, then sends one
   * MSETNX per slot, all at once.
   *
   * A crash leaves the keys of some slots written; calling it again returns 0. The same happens if another
   * client sets one of the keys after the check; that client's value is kept.
   * @throws PartialWriteError naming the keys that were written, and those that were not with the reason
   */
  msetnx: Commands['msetnx'];

  /**
   * Renames a key, replacing the destination. Copies the value with its time to live (DUMP and RESTORE).
   * Deletes the source last, if it is unchanged by then and nothing was moved to it; if it has changed, copies
   * it again.
   *
   * A crash leaves the value at the source alone, or at both keys; calling it again completes the operation.
   * What another client writes to the destination before the end may be replaced.
   * @throws ReplyError `ERR no such key` if there is no source
   * @throws IncompleteOperationError with the cause TransactionConflictError if the source kept changing
   */
  rename: Commands['rename'];

  /**
   * Does the same as `rename`, but returns 0 without changing anything if the destination exists.
   *
   * A crash leaves the value at the source alone, or at both keys. In the latter case another call returns 0:
   * delete the source yourself if you know that the destination is its copy. The same applies if the source was
   * changed meanwhile.
   * @throws ReplyError `ERR no such key` if there is no source
   */
  renamenx: Commands['renamenx'];

  /**
   * Copies a key with its time to live. Returns 1, or 0 if there is no source, or a destination without
   * REPLACE.
   *
   * There is a single write, so nothing can be left half-done.
   */
  copy: Commands['copy'];

  /**
   * Moves a member to another set. Returns 1 if this call took it from its source, else 0. Adds the member
   * first, removes it last, and starts over if another client moves it back meanwhile.
   *
   * A crash leaves the member in the source alone, or in both sets; calling it again completes the operation.
   * If several callers move one member to different sets at the same time, one gets 1, and each of the sets may
   * have the member.
   */
  smove: Commands['smove'];

  /** Does the same as `lmove` from the right end to the left. */
  rpoplpush: Commands['rpoplpush'];
  /** Does the same as `rpoplpush`, with the element as a Buffer. */
  rpoplpushBuffer: Commands['rpoplpushBuffer'];

  /**
   * Moves the element at an end of a list to an end of another list, and returns it; null if there is none.
   * Adds it to the destination first, then removes it from the source, if it is still at that end. If another
   * client has taken it meanwhile, removes it from the destination and tries the next element.
   *
   * A crash leaves the element in the source alone, or in both lists; calling it again moves it once more.
   * Apart from crashes, an element is delivered twice only if it is taken from both lists at the same time. No
   * element is ever lost.
   * @throws TransactionConflictError if other clients were faster a hundred times; nothing was moved
   */
  lmove: Commands['lmove'];
  /** Does the same as `lmove`, with the element as a Buffer. */
  lmoveBuffer: Commands['lmoveBuffer'];

  /**
   * Returns the members of the first set that are in none of the others. Reads the first set with SSCAN, and
   * checks each member in the others.
   *
   * The result is not of one moment: a member that is added or removed meanwhile may or may not be in it.
   * Nothing is changed.
   * @throws TooManyMembersError if the result has more than `maxMembers`
   */
  sdiff: Commands['sdiff'];
  /** Does the same as `sdiff`, with members as Buffers. */
  sdiffBuffer: Commands['sdiffBuffer'];

  /**
   * Returns the members that are in all the sets. Reads the smallest set with SSCAN, and checks each member in
   * the others.
   *
   * The result is not of one moment, as for `sdiff`. Nothing is changed.
   * @throws TooManyMembersError if the result has more than `maxMembers`
   */
  sinter: Commands['sinter'];
  /** Does the same as `sinter`, with members as Buffers. */
  sinterBuffer: Commands['sinterBuffer'];

  /**
   * Returns the members that are in any of the sets. Reads the sets with SSCAN.
   *
   * The result is not of one moment, as for `sdiff`. Nothing is changed.
   * @throws TooManyMembersError if the result has more than `maxMembers`
   */
  sunion: Commands['sunion'];
  /** Does the same as `sunion`, with members as Buffers. */
  sunionBuffer: Commands['sunionBuffer'];

  /**
   * Stores the result of `sdiff` at a key, and returns the number of members. The new set is built under a
   * temporary name in the destination's slot, and replaces the destination by RENAME. An empty result deletes
   * the destination.
   *
   * A crash leaves the destination as it was. At most a temporary key remains, which expires within a minute.
   * @throws TooManyMembersError, TemporaryExpiredError; the destination is unchanged
   */
  sdiffstore: Commands['sdiffstore'];
  /** Stores the result of `sinter` at a key, like `sdiffstore`. */
  sinterstore: Commands['sinterstore'];
  /** Stores the result of `sunion` at a key, like `sdiffstore`. */
  sunionstore: Commands['sunionstore'];

  /**
   * Stores the union of sorted sets (or sets) at a key, with WEIGHTS and AGGREGATE, and returns the number of
   * members. Keys of other slots are read with DUMP. One script then restores them next to the destination,
   * runs the command, and deletes them.
   *
   * That script is the only write, and runs completely or not at all, so nothing can be left half-done. The
   * keys may be of different moments.
   * @throws TooManyMembersError if the keys of other slots have more than `maxMembers` together
   */
  zunionstore: Commands['zunionstore'];
  /** Stores the intersection of sorted sets (or sets) at a key, like `zunionstore`. */
  zinterstore: Commands['zinterstore'];

  /**
   * Returns the approximate number of elements in the union of HyperLogLogs. Works like `zunionstore`, and
   * stores nothing.
   */
  pfcount: Commands['pfcount'];

  /** Merges HyperLogLogs into the first key. Works like `zunionstore`, so nothing can be left half-done. */
  pfmerge: Commands['pfmerge'];

  /**
   * Stores the bitwise combination of strings at a key, and returns its length. Works like `zunionstore`, so
   * nothing can be left half-done.
   */
  bitop: Commands['bitop'];

  /**
   * Sorts on the node of the key. With STORE to another slot, the result replaces the destination like in
   * `sdiffstore`, and the reply is its length.
   *
   * A crash leaves the destination as it was. At most a temporary key remains, which expires within a minute.
   * @throws InvalidArgumentError for BY and GET patterns, which lead to keys of any slot
   * @throws TooManyMembersError if the key has more than `maxMembers`
   */
  sort: Commands['sort'];
}
