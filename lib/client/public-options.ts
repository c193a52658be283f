import type { ResolvedClusterOptions } from '../cluster/options/options.js';

/** The options that a client shows, in ioredis' words, without credentials. */
export interface PublicOptions {
  /** The prefix of every key; empty if there is none. */
  readonly keyPrefix: string;
  readonly lazyConnect: boolean;
  readonly redisOptions: {
    /** The name that its connections have on the servers. */
    readonly connectionName: string | undefined;
    /** Null: a deadline limits calls, never a number of attempts. */
    readonly maxRetriesPerRequest: null;
  };
}

/** Returns what `client.options` shows. */
export function publicOptions({ keyPrefix, lazyConnect, clientName }: ResolvedClusterOptions): PublicOptions {
  return {
    keyPrefix,
    lazyConnect,
    redisOptions: { connectionName: clientName, maxRetriesPerRequest: null },
  };
}
