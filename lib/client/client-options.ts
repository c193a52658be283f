import type { ClusterEngineOptions } from '../cluster/options.js';
import type { ScriptDefinition } from './defined-commands.js';
import type { Codec } from '../pubsub/codec.js';

/** What a cluster client is made from. Anything else is refused by name. */
export interface ClusterClientOptions extends ClusterEngineOptions {
  /** How published values are written and read: `json`, `text`, `binary`, or your own. Default `json`. */
  codec?: Codec | undefined;
  /** Commands made of scripts, by name; see `defineCommand`. */
  scripts?: Readonly<Record<string, ScriptDefinition>> | undefined;
}
