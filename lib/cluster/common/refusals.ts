/**
 * - `moved`: the slot lives elsewhere; the reply says where
 * - `ask`: this key may live elsewhere while its slot moves; the reply says where
 * - `wait`: nobody can say better than to try again in a moment; what comes later for the slot waits behind it
 * - `retry`: the same, and what comes later goes on
 */
export type RefusalRemedy = 'moved' | 'ask' | 'wait' | 'retry';

/** What it means when a server says that it did not execute a command. */
export interface Refusal {
  readonly remedy: RefusalRemedy;
  /** The cluster has changed, so the topology is worth reading again. */
  readonly refresh: boolean;
  /** The node that answered cannot serve reads for the moment. */
  readonly unfit: boolean;
}

/**
 * The replies by which a server says "not executed", and what to do about each. Everything else that begins
 * with `-` is an answer, and the caller's.
 */
export const REFUSALS: ReadonlyMap<string, Refusal> = new Map<string, Refusal>([
  ['MOVED', { remedy: 'moved', refresh: true, unfit: false }],
  ['ASK', { remedy: 'ask', refresh: false, unfit: false }],
  // some of the keys are here and some already there; only time brings them together. Other keys are served meanwhile
  ['TRYAGAIN', { remedy: 'retry', refresh: false, unfit: false }],
  ['CLUSTERDOWN', { remedy: 'wait', refresh: true, unfit: false }],
  ['LOADING', { remedy: 'wait', refresh: false, unfit: true }],
  // a script has been running for longer than busy-reply-threshold; replicas, too, run scripts that read
  ['BUSY', { remedy: 'wait', refresh: false, unfit: true }],
  ['MASTERDOWN', { remedy: 'wait', refresh: false, unfit: true }],
  // a primary that has become a replica, and whose connection was told READONLY
  ['READONLY', { remedy: 'wait', refresh: true, unfit: false }],
]);

/** The node that answered will serve the command in a moment, whatever becomes of the rest of the cluster. */
export const passesByItself = ({ remedy, refresh }: Refusal): boolean => remedy === 'wait' && !refresh;
