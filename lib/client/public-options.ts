import type { ResolvedClusterOptions } from '../cluster/options/options.js';

/** What a client tells of its options, in ioredis' words. No credentials: `duplicate()` has them. */
export interface ShownOptions {
  /** Put before every key; empty where there is none. */
  readonly keyPrefix: string;
  readonly lazyConnect: boolean;
  readonly redisOptions: {
    /** The name of its connections at the servers. */
    readonly connectionName: string | undefined;
    /** Null: calls are bounded by their deadline, and never by a number of attempts. */
    readonly maxRetriesPerRequest: null;
  };
}

export function shownOptions({ keyPrefix, lazyConnect, clientName }: ResolvedClusterOptions): ShownOptions {
  return {
    keyPrefix,
    lazyConnect,
    redisOptions: { connectionName: clientName, maxRetriesPerRequest: null },
  };
}
