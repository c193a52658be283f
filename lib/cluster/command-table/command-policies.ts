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
 * - `slot`: the node of its keys' slot; where this call has no keys (EVAL with none), a random primary
 * - `split`: cut by slot, every key standing for itself (`del unlink exists touch`, and nothing else)
 * - `allShards`: every primary; `allNodes`: every primary and replica
 * - `defaultNode`: one node will do
 * - `slotNumber`: the owner of the slot whose number is the second argument (CLUSTER COUNTKEYSINSLOT)
 * - `scan`: SCAN, whose cursor belongs to one primary
 */
export type RequestPolicy =
  'slot' | 'split' | 'allShards' | 'allNodes' | 'defaultNode' | 'slotNumber' | 'scan';

/**
 * How the replies of several nodes become one:
 * - `single`: there is one, given as it is
 * - `allSucceeded`: any of them, once all have succeeded; `oneSucceeded`: the first success
 * - `sum min max logicalAnd logicalOr`: of numbers, or of arrays of numbers place by place
 * - `concatenate`: arrays one behind the other; `union`: the same without repeats
 * - `sumByName`: arrays of name, number, name, number; the numbers of one name are added
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

/** What servers call the policies in COMMAND's tips: https://redis.io/docs/latest/develop/reference/command-tips/ */
export const requestTips = {
  all_shards: 'allShards',
  all_nodes: 'allNodes',
  // followed for a few commands only: splitCommands
  multi_shard: 'slot',
  // what no rule covers has a policy of ours below, or goes to one node
  special: 'defaultNode',
} as const satisfies Record<string, RequestPolicy>;

/** The same for replies. `special` is what no rule covers: the caller sees which node said what. */
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
 * The commands whose `multi_shard` tip is followed: each key stands for itself, so nothing is lost by cutting
 * the call up. The tip of `mget mset msetex` is not: whoever puts several keys in one call reads or writes them
 * at one moment, and `cluster.nonAtomic` gives that up by name. Nor is that of `msetnx` in Redis 7.0, all or
 * nothing by its meaning (later servers dropped it).
 */
export const splitCommands: ReadonlySet<string> = new Set(['del', 'exists', 'touch', 'unlink']);

/** Where we differ from what servers say of a command, or they say nothing. */
export interface CommandPolicy {
  readonly request?: RequestPolicy;
  readonly response?: ResponsePolicy;
  readonly keys?: readonly KeySpec[];
  readonly blocking?: boolean | ArgumentTest;
  readonly write?: boolean;
  /** The `keys` give the slot, and are no keys. */
  readonly routingOnly?: boolean;
  /** Any primary will do where that of its slot cannot be reached. */
  readonly anyPrimary?: boolean;
  readonly reason: string;
}

const everyShard = { request: 'allShards' } as const;
const everyNode = { request: 'allNodes' } as const;
const oneNode = { request: 'defaultNode', response: 'single' } as const;

/** Our own word on a command, by its name. It wins over what servers say. */
export const commandPolicies: ReadonlyMap<string, CommandPolicy> = new Map<string, CommandPolicy>([
  // keys the server finds by code, which no specification of it describes
  ['sort', { keys: [at(0), sortStore], reason: 'its destination may stand anywhere among the options' }],
  ['migrate', { keys: [migrateKeys], reason: 'an empty third argument means that KEYS follows' }],

  // servers leave it to what the script does; a client cannot know
  ['eval', { write: true, reason: 'the script may write' }],
  ['evalsha', { write: true, reason: 'the script may write' }],
  ['fcall', { write: true, reason: 'the function may write' }],

  // blocking
  ['xread', { blocking: readBlocks, reason: 'it waits only if told to' }],
  ['xreadgroup', { blocking: readBlocks, reason: 'it waits only if told to' }],
  ['wait', waits('it speaks of the writes of its own connection, and a leased one has none')],
  ['waitaof', waits('as wait')],

  // pub/sub: servers give publish no policy, and count subscribers node by node
  [
    'publish',
    {
      ...slotOf('any node passes it on; the one of the channel keeps the order of one channel'),
      anyPrimary: true,
    },
  ],
  ['pubsub channels', { ...everyNode, response: 'union', reason: 'a node knows its own subscribers only' }],
  ['pubsub numpat', { ...everyNode, response: 'sum', reason: 'a node knows its own subscribers only' }],
  ['pubsub numsub', { ...everyNode, response: 'sumByName', reason: 'a node knows its own subscribers only' }],
  [
    'pubsub shardchannels',
    { ...everyNode, response: 'union', reason: 'a node knows its own subscribers only' },
  ],
  ['pubsub shardnumsub', { ...everyNode, response: 'sumByName', reason: 'as pubsub numsub' }],

  // replies whose merging the tips leave open
  ['keys', { ...everyShard, response: 'union', reason: 'while a slot moves, two nodes can hold its keys' }],
  ['randomkey', { ...everyShard, response: 'anyNonNull', reason: 'null only if every shard is empty' }],
  ['scan', { request: 'scan', response: 'single', reason: 'a cursor means something to one node only' }],
  ['clusterscan', slotOf('its cursor carries a hash tag, and the server redirects by it')],
  ['info', { ...oneNode, reason: 'callers read a text, as of one node; target() gives all' }],

  // persistence: one node's share alone would look like a backup of the whole
  ['bgrewriteaof', { ...everyNode, response: 'allSucceeded', reason: 'every node has its own file' }],
  ['bgsave', { ...everyNode, response: 'allSucceeded', reason: 'every node has its own file' }],
  ['save', { ...everyNode, response: 'allSucceeded', reason: 'every node has its own file' }],

  ['acl load', { ...everyNode, response: 'allSucceeded', reason: 'every node has its own users' }],

  // a pause is for the moment before something happens to the whole cluster
  [
    'client pause',
    { ...everyNode, response: 'allSucceeded', reason: 'a paused node alone stalls its shard' },
  ],
  ['client unpause', { ...everyNode, response: 'allSucceeded', reason: 'undoes client pause' }],

  ['script load', { ...everyShard, response: 'allSucceeded', reason: 'a dead replica must not fail it' }],

  // the field names stay with the connections; after a reconnection they have to be given again
  [
    'himport discard',
    { ...everyShard, response: 'max', reason: 'the connection of any shard may have them' },
  ],
  ['himport discardall', { ...everyShard, response: 'max', reason: 'as himport discard' }],
  ['himport prepare', { ...everyShard, response: 'allSucceeded', reason: 'the keys may be in any shard' }],

  // about the keys of one slot
  ['cluster countkeysinslot', { request: 'slotNumber', response: 'single', reason: 'others count none' }],
  ['cluster getkeysinslot', { request: 'slotNumber', response: 'single', reason: 'others have none' }],
]);

/** Routed by the first argument, which is no key. */
function slotOf(reason: string): CommandPolicy {
  return { request: 'slot', response: 'single', keys: [at(0)], routingOnly: true, reason };
}

/** Goes over the connections that carried the writes, a moment at a time; so it must not count as blocking. */
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

/** The place of the word BLOCK among the arguments of XREAD or XREADGROUP; -1 where it is absent. */
export function blockIndex(args: readonly CommandArgument[]): number {
  for (let index = 0; index < args.length; index++) {
    const option = wordOf(args[index]);
    if (option === 'block') return index;
    if (option === 'streams') return -1;
    index += READ_ARGUMENTS.get(option) ?? 0;
  }
  return -1;
}
