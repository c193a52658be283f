import { replyBehind } from '../../cluster/leases/wait-for-replicas.js';
import { ReplyError } from '../../cluster/common/errors.js';
import type { Script } from '../../cluster/scripts/script.js';
import type { EntityCallOptions, EntityClient, ScriptRunner } from '../common/entity-client.js';
import { UnsupportedServerFeatureError } from '../common/entity-errors.js';
import { tellResent } from './operation-token.js';
import type { Stored } from '../codec/codec.js';
import type { WriteOptions } from '../common/write-options.js';

/**
 * Whether to send again what was sent and not answered: `always` where that does no harm; `told` where the script finds
 * out whether it does, from its token and how long ago it was sent first.
 */
export type Retry = 'safe' | 'always' | 'told';

const RETRIES: Readonly<Record<Retry, EntityCallOptions>> = {
  // What only reads, too, goes by what is true: replicas lag behind.
  safe: { retry: 'safe', readFrom: 'primary' },
  always: { retry: 'always', readFrom: 'primary' },
  told: { retry: 'always', readFrom: 'primary', argsOnResend: tellResent },
};

/** A script with its keys, all of one partition, and its arguments. */
export interface ScriptCall {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly Stored[];
}

/** How calls are made; the rest of a write's options is for whoever makes the arguments. */
export type ScriptCallOptions = Omit<WriteOptions, 'opId'>;

/** Sends scripts to the server. All of them answer with lists of text. */
export class ScriptCaller {
  // Made once: most calls have no options of their own.
  private readonly runners: Record<Retry, ScriptRunner>;

  constructor(private readonly client: EntityClient) {
    this.runners = {
      safe: client.with(RETRIES.safe),
      always: client.with(RETRIES.always),
      told: client.with(RETRIES.told),
    };
  }

  /** Runs a script. */
  run(call: ScriptCall, retry: Retry, options: ScriptCallOptions = {}): Promise<string[]> {
    return this.answer(call, retry, options, false) as Promise<string[]>;
  }

  /** Runs a script that answers with what was stored, which need not be text. */
  runForBytes(call: ScriptCall, retry: Retry, options: ScriptCallOptions): Promise<Buffer[]> {
    return this.answer(call, retry, options, true) as Promise<Buffer[]>;
  }

  private async answer(
    { script, keys, args }: ScriptCall,
    retry: Retry,
    options: ScriptCallOptions,
    buffers: boolean,
  ): Promise<unknown> {
    const runner = this.runner(retry, options);
    try {
      return await runner.runScript(script, keys, args, { buffers });
    } catch (error) {
      // Before version 7 the shebang of a script is a mistake in its Lua.
      // What the script refused was not written: there is nothing to confirm.
      const reply = replyBehind(error) as (string | Buffer)[] | undefined;
      if (reply && String(reply[0]) !== 'OK') return reply;
      if (error instanceof ReplyError && error.message.includes('Error compiling script'))
        throw new UnsupportedServerFeatureError('Writing entities', 'Redis 7.0 or later, or Valkey');
      throw error;
    }
  }

  /** Runs scripts that do not depend on each other in one batch a node; positional, an error where one has failed. */
  async runMany(
    calls: readonly ScriptCall[],
    retry: Retry,
    options: ScriptCallOptions = {},
  ): Promise<(string[] | Error)[]> {
    const alone = (call: ScriptCall): Promise<string[] | Error> =>
      this.run(call, retry, options).catch((error: Error) => error);
    // What is to be durable waits on a connection of its own, each for itself.
    if (options.durability) return Promise.all(calls.map(alone));
    // Known scripts are given to servers that lack them within the batch.
    for (const script of new Set(calls.map((call) => call.script))) this.client.addScript(script);
    const pipeline = this.runner(retry, options).pipeline().anyOrder();
    // not spread: there may be more arguments than a call can take
    for (const { script, keys, args } of calls)
      Reflect.apply(pipeline.evalsha, pipeline, [script.sha, keys.length, ...keys, ...args]);
    const results = (await pipeline.exec()) ?? [];
    return Promise.all(
      results.map(([error, answer], i) =>
        isUnknownScript(error) ? alone(calls[i]) : (error ?? (answer as string[])),
      ),
    );
  }

  private runner(retry: Retry, { deadlineMs, signal, durability }: ScriptCallOptions): ScriptRunner {
    const isPlain = deadlineMs === undefined && signal === undefined && durability === undefined;
    return isPlain
      ? this.runners[retry]
      : this.client.with({ ...RETRIES[retry], deadlineMs, signal, durability });
  }
}

const isUnknownScript = (error: unknown): boolean => error instanceof ReplyError && error.code === 'NOSCRIPT';
