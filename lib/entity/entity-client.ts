import type { Reply } from '../cluster/reply.js';
import type { Script } from '../cluster/script.js';

/** How calls of entities are bounded and retried. */
export interface EntityCallOptions {
  /** How long a call may take, retries included, in milliseconds. */
  deadlineMs?: number;
  /** Whether to send again what was sent and not answered: `'always'` where a token makes that safe. */
  retry?: 'safe' | 'always';
}

/** Something that runs scripts. */
export interface ScriptRunner {
  runScript(script: Script, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<Reply>;
}

/** A batch of commands over any nodes. */
export interface EntityPipeline {
  hgetallBuffer(key: string): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** What entities use of a `ClusterClient`, and all they use of it. */
export interface EntityClient {
  hgetallBuffer(key: string): Promise<Record<string, Buffer>>;
  exists(key: string): Promise<number>;
  hmget(key: string, ...fields: string[]): Promise<(string | null)[]>;
  zlexcount(key: string, min: Buffer, max: Buffer): Promise<number>;
  zrangebylex(
    key: string,
    min: Buffer,
    max: Buffer,
    limit: 'LIMIT',
    offset: number,
    count: number,
  ): Promise<string[]>;
  pipeline(): EntityPipeline;
  with(options: EntityCallOptions): ScriptRunner;
}
