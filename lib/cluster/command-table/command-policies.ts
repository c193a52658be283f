import {
  at,
  migrateKeys,
  sortStore,
  type ArgumentTest,
  type CommandArgument,
  type KeySpec,
  wordOf,
} from './command-keys.js';

/**
 * Which nodes a call goes to:
 * - `slot`: the node of its keys' slot; a random primary if this call has no keys (EVAL with none)
 * - `split`: split by slot, as each key is independent (`del unlink exists touch`, and nothing else)
 * - `allShards`: every primary; `allNodes`: every primary and replica
 * - `defaultNode`: any single node
 * - `slotNumber`: the owner of the slot whose number is the second argument (CLUSTER COUNTKEYSINSLOT)
 * - `scan`: SCAN, whose cursor belongs to one primary
 */
export type RequestPolicy =
  'slot' | 'split' | 'allShards' | 'allNodes' | 'defaultNode' | 'slotNumber' | 'scan';

/**
 * How the replies of several nodes become one:
 * - `single`: there is one, returned unchanged
 * - `allSucceeded`: any of them, once all have succeeded; `oneSucceeded`: the first success
 * - `sum min max logicalAnd logicalOr`: of numbers, or of arrays of numbers element by element
 * - `concatenate`: arrays joined; `union`: the same without duplicates
 * - `sumByName`: arrays of name, number, name, number; the numbers of the same name are added
 * - `anyNonNull`: one that is not null, else null (RANDOMKEY)
 * - `byNode`: a Map from node name to reply
 */
export type ResponsePolicy =
  | 'single'
  | 'allSucceeded'
  | 'oneSucceeded'
  | 'sum'
  | 'min'
  | 'max'
  | 'logicalAnd'
  | 'logicalOr'
  | 'concatenate'
  | 'union'
  | 'sumByName'
  | 'anyNonNull'
  | 'byNode';

/** The names of the policies in the tips of COMMAND: https://redis.io/docs/latest/develop/reference/command-tips/ */
export const requestTips = {
  all_shards: 'allShards',
  all_nodes: 'allNodes',
  // only a few commands are split: splitCommands
  multi_shard: 'slot',
  // commands without a rule have a policy of ours below, or go to one node
  special: 'defaultNode',
} as const satisfies Record<string, RequestPolicy>;

/** The same for replies. With `special`, which has no rule, the caller gets the reply of each node. */
export const responseTips = {
  all_succeeded: 'allSucceeded',
  one_succeeded: 'oneSucceeded',
  agg_sum: 'sum',
  agg_min: 'min',
  agg_max: 'max',
  agg_logical_and: 'logicalAnd',
  agg_logical_or: 'logicalOr',
  special: 'byNode',
} as const satisfies Record<string, ResponsePolicy>;

export type RequestTip = keyof typeof requestTips;
export type ResponseTip = keyof typeof responseTips;

/**
 * The commands whose `multi_shard` tip is followed: each of their keys is independent, so splitting the call
 * loses nothing. The tip of `mget mset msetex` is not followed: a call with several keys reads or writes them
 * at one moment, which only `cluster.nonAtomic` gives up, explicitly. Nor is that of `msetnx` in Redis 7.0,
 * which sets all keys or none (later servers dropped the tip).
 */
export const splitCommands: ReadonlySet<string> = new Set(['del', 'exists', 'touch', 'unlink']);

/** Overrides what servers report about a command, or supplies what they do not report. */
export interface CommandPolicy {
  readonly request?: RequestPolicy;
  readonly response?: ResponsePolicy;
  readonly keys?: readonly KeySpec[];
  readonly blocking?: boolean | ArgumentTest;
  readonly write?: boolean;
  /** Whether the `keys` only determine the slot and are not keys. */
  readonly routingOnly?: boolean;
  /** Whether any primary can serve it if that of its slot cannot be reached. */
  readonly anyPrimary?: boolean;
  readonly reason: string;
}

const everyShard = { request: 'allShards' } as const;
const everyNode = { request: 'allNodes' } as const;
const oneNode = { request: 'defaultNode', response: 'single' } as const;

/** Our policies by command name. They take precedence over what servers report. */
export const commandPolicies: ReadonlyMap<string, CommandPolicy> = new Map<string, CommandPolicy>([
  // keys that the server finds by code, without a specification
  ['sort', { keys: [at(0), sortStore], reason: 'its destination may be anywhere among the options' }],
  ['migrate', { keys: [migrateKeys], reason: 'an empty third argument means that KEYS follows' }],

  // depends on the script, which a client cannot know
  ['eval', { write: true, reason: 'the script may write' }],
  ['evalsha', { write: true, reason: 'the script may write' }],
  ['fcall', { write: true, reason: 'the function may write' }],

  // blocking
  ['xread', { blocking: readBlocks, reason: 'it only waits with BLOCK' }],
  ['xreadgroup', { blocking: readBlocks, reason: 'it only waits with BLOCK' }],
  ['wait', waits('it refers to the writes of its own connection, and a leased one has none')],
  ['waitaof', waits('like wait')],

  // pub/sub: servers have no policy for publish, and each node counts its own subscribers
  [
    'publish',
    {
      ...slotOf('any node forwards it; using the node of the channel keeps the order within a channel'),
      anyPrimary: true,
    },
  ],
  ['pubsub channels', { ...everyNode, response: 'union', reason: 'a node only knows its own subscribers' }],
  ['pubsub numpat', { ...everyNode, response: 'sum', reason: 'a node only knows its own subscribers' }],
  ['pubsub numsub', { ...everyNode, response: 'sumByName', reason: 'a node only knows its own subscribers' }],
  [
    'pubsub shardchannels',
    { ...everyNode, response: 'union', reason: 'a node only knows its own subscribers' },
  ],
  ['pubsub shardnumsub', { ...everyNode, response: 'sumByName', reason: 'like pubsub numsub' }],

  // commands whose tips do not say how to merge replies
  ['keys', { ...everyShard, response: 'union', reason: 'while a slot moves, two nodes can hold its keys' }],
  ['randomkey', { ...everyShard, response: 'anyNonNull', reason: 'null only if every shard is empty' }],
  ['scan', { request: 'scan', response: 'single', reason: 'a cursor is valid on one node only' }],
  ['clusterscan', slotOf('its cursor carries a hash tag, and the server redirects by it')],
  ['info', { ...oneNode, reason: 'callers expect the text of one node; target() returns all' }],

  // persistence: saving one node only would look like a backup of the whole cluster
  ['bgrewriteaof', { ...everyNode, response: 'allSucceeded', reason: 'every node has its own file' }],
  ['bgsave', { ...everyNode, response: 'allSucceeded', reason: 'every node has its own file' }],
  ['save', { ...everyNode, response: 'allSucceeded', reason: 'every node has its own file' }],

  ['acl load', { ...everyNode, response: 'allSucceeded', reason: 'every node has its own users' }],

  // callers pause clients before they change the whole cluster
  [
    'client pause',
    { ...everyNode, response: 'allSucceeded', reason: 'pausing one node would only stall its shard' },
  ],
  ['client unpause', { ...everyNode, response: 'allSucceeded', reason: 'undoes client pause' }],

  ['script load', { ...everyShard, response: 'allSucceeded', reason: 'a dead replica must not fail it' }],

  // what belongs to a connection: it is set on all of them, and again on new ones; see connection-state.ts
  ['client no-evict', { ...everyNode, response: 'allSucceeded', reason: 'calls share all connections' }],
  ['client no-touch', { ...everyNode, response: 'allSucceeded', reason: 'calls share all connections' }],
  ['himport discard', { ...everyNode, response: 'max', reason: 'the connection of any node may have them' }],
  ['himport discardall', { ...everyNode, response: 'max', reason: 'like himport discard' }],
  [
    'himport prepare',
    {
      ...everyNode,
      response: 'allSucceeded',
      reason: 'keys may be in any shard, and replicas may be promoted',
    },
  ],

  // commands about the keys of one slot
  ['cluster countkeysinslot', { request: 'slotNumber', response: 'single', reason: 'others count none' }],
  ['cluster getkeysinslot', { request: 'slotNumber', response: 'single', reason: 'others have none' }],
]);

/** Routes a command by its first argument, which is not a key. */
function slotOf(reason: string): CommandPolicy {
  return { request: 'slot', response: 'single', keys: [at(0)], routingOnly: true, reason };
}

/**
 * Sends a command over the connections that carried the writes, for short times; so it must not count as
 * blocking.
 */
function waits(reason: string): CommandPolicy {
  return { request: 'allShards', response: 'min', blocking: false, reason };
}

/** Options of XREAD and XREADGROUP that take arguments, and how many. */
const READ_ARGUMENTS = new Map([
  ['count', 1],
  ['group', 2],
  ['claim', 1],
]);

/** Whether BLOCK is among the options, and not the name of a group or consumer. */
function readBlocks(args: readonly CommandArgument[]): boolean {
  return blockIndex(args) !== -1;
}

/** Returns the index of the word BLOCK among the arguments of XREAD or XREADGROUP; -1 if it is absent. */
export function blockIndex(args: readonly CommandArgument[]): number {
  for (let index = 0; index < args.length; index++) {
    const option = wordOf(args[index]);
    if (option === 'block') return index;
    if (option === 'streams') return -1;
    index += READ_ARGUMENTS.get(option) ?? 0;
  }
  return -1;
}
