import type { ResolvedClusterOptions } from '../cluster/options/options.js';

/** The options that a client exposes, in the terms of ioredis and without credentials. */
export interface PublicOptions {
  /** The prefix of every key; empty if there is none. */
  readonly keyPrefix: string;
  readonly lazyConnect: boolean;
  readonly redisOptions: {
    /** The name of its connections on the servers. */
    readonly connectionName: string | undefined;
    /** The number of its database. */
    readonly db: number;
    /** Always null: a deadline limits a call, not a number of attempts. */
    readonly maxRetriesPerRequest: null;
  };
}

/** Returns what `client.options` shows. */
export function publicOptions({
  keyPrefix,
  lazyConnect,
  clientName,
  database,
}: ResolvedClusterOptions): PublicOptions {
  return {
    keyPrefix,
    lazyConnect,
    redisOptions: { connectionName: clientName, db: database, maxRetriesPerRequest: null },
  };
}
