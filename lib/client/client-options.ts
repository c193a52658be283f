import type { ClusterEngineOptions } from '../cluster/options/options.js';
import type { ScriptDefinition } from './commands/defined-commands.js';
import type { Codec } from '../pubsub/messages/codec.js';

/** Options of a cluster client. The constructor rejects unknown ones. */
export interface ClusterClientOptions extends ClusterEngineOptions {
  /**
   * How published values are encoded and decoded: `json`, `text`, `binary`, or your own codec. Default
   * `json`.
   */
  codec?: Codec | undefined;
  /** Commands to define from scripts, by name; see `defineCommand`. */
  scripts?: Readonly<Record<string, ScriptDefinition>> | undefined;
}
