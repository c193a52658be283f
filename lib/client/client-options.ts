import type { ClusterEngineOptions } from '../cluster/options/options.js';
import type { ScriptDefinition } from './commands/defined-commands.js';
import type { Codec } from '../pubsub/messages/codec.js';

/** What a cluster client is made from. Anything else is refused by name. */
export interface ClusterClientOptions extends ClusterEngineOptions {
  /** How published values are written and read: `json`, `text`, `binary`, or your own. Default `json`. */
  codec?: Codec | undefined;
  /** Commands made of scripts, by name; see `defineCommand`. */
  scripts?: Readonly<Record<string, ScriptDefinition>> | undefined;
}
