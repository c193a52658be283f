/**
 * - `moved`: the slot is on another node, which the reply names
 * - `ask`: the key may be on another node while its slot moves; the reply names the node
 * - `wait`: try again in a moment; later calls for the slot wait behind this one
 * - `retry`: try again in a moment; later calls for the slot do not wait
 */
export type RefusalRemedy = 'moved' | 'ask' | 'wait' | 'retry';

/** What it means if a server refuses a command without executing it. */
export interface Refusal {
  readonly remedy: RefusalRemedy;
  /** Whether the cluster has changed, so that the topology should be read again. */
  readonly refresh: boolean;
  /** Whether the node that replied cannot serve reads for the moment. */
  readonly unfit: boolean;
}

/**
 * The replies by which a server says "not executed", and how to react to each. Any other error reply goes to
 * the caller.
 */
export const REFUSALS: ReadonlyMap<string, Refusal> = new Map<string, Refusal>([
  ['MOVED', { remedy: 'moved', refresh: true, unfit: false }],
  ['ASK', { remedy: 'ask', refresh: false, unfit: false }],
  // some of the keys have moved and some have not, which only time resolves; other keys are served meanwhile
  ['TRYAGAIN', { remedy: 'retry', refresh: false, unfit: false }],
  ['CLUSTERDOWN', { remedy: 'wait', refresh: true, unfit: false }],
  ['LOADING', { remedy: 'wait', refresh: false, unfit: true }],
  // a script has been running for longer than busy-reply-threshold; replicas also run scripts that read
  ['BUSY', { remedy: 'wait', refresh: false, unfit: true }],
  ['MASTERDOWN', { remedy: 'wait', refresh: false, unfit: true }],
  // the primary has become a replica, and READONLY was sent on the connection
  ['READONLY', { remedy: 'wait', refresh: true, unfit: false }],
]);

/** Whether the node that replied will serve the command in a moment, whatever happens to the rest of the cluster. */
export const passesByItself = ({ remedy, refresh }: Refusal): boolean => remedy === 'wait' && !refresh;
