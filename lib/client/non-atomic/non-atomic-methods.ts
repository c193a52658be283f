import type { ClusterCommands } from '../commands/cluster-commands.js';

type Commands = ClusterCommands;
type Key = string | Buffer | number;

/**
 * The commands of `cluster.nonAtomic`, with the arguments and replies that they have on the client. What each says
 * of its steps is for keys in several slots; in one slot, the command is atomic.
 *
 * Errors of all: those of their steps, and `IncompleteOperationError` where a step fails behind one that has changed
 * something; it says what is left, and that is what a client leaves that ends there.
 */
export interface NonAtomicMethods {
  /**
   * Values in the order of the keys, null for what is missing or no string; nothing for an empty list. One MGET a
   * slot, all sent at once.
   *
   * Values of different slots may be of different moments. Nothing is changed, so nothing can be left half-way.
   */
  mget: Commands['mget'];
  /** As `mget`, values as Buffers. */
  mgetBuffer: Commands['mgetBuffer'];

  /**
   * Sets keys to values, given in turn, as pairs, an object or a Map. One MSET a slot, all sent at once.
   *
   * A crash leaves the keys of some slots written, and those of others not; calling it again writes all.
   * @throws PartialWriteError naming the keys that were written and, with the reason, those that were not
   */
  mset: Commands['mset'] & ((pairs: readonly (readonly [key: Key, value: Key])[]) => Promise<'OK'>);

  /**
   * Sets keys if none of them is there: 1, or 0 if one is. Looks at all of them first, then makes one MSETNX a slot,
   * all sent at once.
   *
   * A crash leaves the keys of some slots written; calling it again gives 0. The same where somebody else sets one of
   * the keys behind the look: his value is kept.
   * @throws PartialWriteError naming the keys that were written and, with the reason, those that were not
   */
  msetnx: Commands['msetnx'];

  /**
   * Gives a key another name; what had that name is replaced. The value is copied with its time to live (DUMP and
   * RESTORE), and the source is deleted last, if it is unchanged by then and nothing was moved to it; if not, it is
   * copied again.
   *
   * A crash leaves the value at the source alone, or at both keys: calling it again completes it. What somebody
   * writes to the destination before the end may be replaced.
   * @throws ReplyError `ERR no such key` if there is no source; TransactionConflictError, as the cause of
   *   IncompleteOperationError, if the source kept changing
   */
  rename: Commands['rename'];

  /**
   * As `rename`, and gives 0, changing nothing, if the destination exists.
   *
   * A crash leaves the value at the source alone, or at both keys. In the latter case another call gives 0: the
   * source has to be deleted by whoever knows that it is a copy. The same if the source was changed meanwhile.
   * @throws ReplyError `ERR no such key` if there is no source
   */
  renamenx: Commands['renamenx'];

  /**
   * Copies a key with its time to live: 1, or 0 if there is no source, or a destination and no REPLACE.
   *
   * There is one write, so nothing can be left half-way.
   */
  copy: Commands['copy'];

  /**
   * Moves a member to another set: 1 if this call took it from its source, else 0. Adds first, removes last, and begins
   * again where somebody moves it back meanwhile.
   *
   * A crash leaves the member in the source alone, or in both sets: calling it again completes it. Of callers that
   * move one member to different sets at one time, one gets 1, and each of the sets may have the member.
   */
  smove: Commands['smove'];

  /** As `lmove` from the right end to the left. */
  rpoplpush: Commands['rpoplpush'];
  /** As `rpoplpush`, the element as a Buffer. */
  rpoplpushBuffer: Commands['rpoplpushBuffer'];

  /**
   * Moves the element at an end of a list to an end of another, and gives it; null if there is none. Puts it to its
   * destination first, then takes it from the source, if it is still at that end. If somebody else has taken it
   * meanwhile, ours is taken back, and the next element is tried.
   *
   * A crash leaves the element in the source alone, or in both lists; calling again moves it once more. Beside a
   * crash, an element is delivered twice only if it is taken from both lists at one time. None is ever lost.
   * @throws TransactionConflictError if others were faster a hundred times; nothing was moved
   */
  lmove: Commands['lmove'];
  /** As `lmove`, the element as a Buffer. */
  lmoveBuffer: Commands['lmoveBuffer'];

  /**
   * Members of the first set that are in none of the others. The first is read by SSCAN, the others are asked.
   *
   * Not of one moment: a member that comes or goes meanwhile may be in the result or not. Nothing is changed.
   * @throws TooManyMembersError if the result has more than `maxMembers`
   */
  sdiff: Commands['sdiff'];
  /** As `sdiff`, members as Buffers. */
  sdiffBuffer: Commands['sdiffBuffer'];

  /**
   * Members that are in all the sets. The smallest is read by SSCAN, the others are asked.
   *
   * Not of one moment, as `sdiff`. Nothing is changed.
   * @throws TooManyMembersError if the result has more than `maxMembers`
   */
  sinter: Commands['sinter'];
  /** As `sinter`, members as Buffers. */
  sinterBuffer: Commands['sinterBuffer'];

  /**
   * Members that are in any of the sets, which are read by SSCAN.
   *
   * Not of one moment, as `sdiff`. Nothing is changed.
   * @throws TooManyMembersError if the result has more than `maxMembers`
   */
  sunion: Commands['sunion'];
  /** As `sunion`, members as Buffers. */
  sunionBuffer: Commands['sunionBuffer'];

  /**
   * Puts what `sdiff` finds to a key, and gives the number of members. The new set grows under a temporary name in
   * the destination's slot, and takes its place by RENAME; an empty result deletes the destination.
   *
   * A crash leaves the destination as it was; at most a temporary key remains, which expires within a minute.
   * @throws TooManyMembersError, TemporaryExpiredError; the destination is unchanged
   */
  sdiffstore: Commands['sdiffstore'];
  /** Puts what `sinter` finds to a key, as `sdiffstore`. */
  sinterstore: Commands['sinterstore'];
  /** Puts what `sunion` finds to a key, as `sdiffstore`. */
  sunionstore: Commands['sunionstore'];

  /**
   * Puts the union of sorted sets (or sets) to a key, with WEIGHTS and AGGREGATE, and gives the number of members.
   * Keys of other slots are read (DUMP), and one script restores them beside the destination, runs the command
   * and deletes them again.
   *
   * That script is the one write, and runs as a whole or not at all: nothing can be left half-way. The keys may be
   * of different moments.
   * @throws TooManyMembersError if the keys of other slots have more than `maxMembers` together
   */
  zunionstore: Commands['zunionstore'];
  /** Puts the intersection of sorted sets (or sets) to a key, as `zunionstore`. */
  zinterstore: Commands['zinterstore'];

  /** The approximate number of elements in the union of HyperLogLogs; by the way of `zunionstore`, keeping nothing. */
  pfcount: Commands['pfcount'];

  /** Merges HyperLogLogs into the first key, by the way of `zunionstore`: nothing can be left half-way. */
  pfmerge: Commands['pfmerge'];

  /**
   * Puts the bitwise combination of strings to a key, and gives its length; by the way of `zunionstore`: nothing can
   * be left half-way.
   */
  bitop: Commands['bitop'];

  /**
   * Sorts where the key is. With STORE to another slot, the result takes the destination's place as in `sdiffstore`,
   * and the reply is its length.
   *
   * A crash leaves the destination as it was; at most a temporary key remains, which expires within a minute.
   * @throws InvalidArgumentError for BY and GET patterns, which lead to keys of any slot
   * @throws TooManyMembersError if the key has more than `maxMembers`
   */
  sort: Commands['sort'];
}
