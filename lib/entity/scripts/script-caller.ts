import { replyBehind } from '../../cluster/leases/wait-for-replicas.js';
import { ReplyError, UnsupportedServerFeatureError } from '../../cluster/common/errors.js';
import type { Script } from '../../cluster/scripts/script.js';
import type { EntityCallOptions, EntityClient, ScriptRunner } from '../common/entity-client.js';
import { markResent } from './operation-token.js';
import { answerList } from './script-answer.js';
import type { Stored } from '../codec/codec.js';
import type { WriteOptions } from '../common/write-options.js';

/**
 * Whether to resend a script after a lost reply: `safe` only if it was not executed; `always` because repeating it is
 * harmless; `checked` because the script itself detects a repetition by its token and time.
 */
export type Retry = 'safe' | 'always' | 'checked';

const RETRIES: Readonly<Record<Retry, EntityCallOptions>> = {
  // Scripts that only read also run on primaries, because replicas lag.
  safe: { retry: 'safe', readFrom: 'primary' },
  always: { retry: 'always', readFrom: 'primary' },
  checked: { retry: 'always', readFrom: 'primary', argsOnResend: markResent },
};

/** A script with its keys, all in one partition, and its arguments. */
export interface ScriptCall {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly Stored[];
}

/** The options of a write that concern its call. `opId` becomes part of the arguments. */
export type ScriptCallOptions = Omit<WriteOptions, 'opId'>;

/** Sends scripts to the server. All of these scripts return lists of text, or text in the place of one. */
export class ScriptCaller {
  // Created once, because most calls have no options.
  private readonly runners: Record<Retry, ScriptRunner>;

  constructor(private readonly client: EntityClient) {
    this.runners = {
      safe: client.with(RETRIES.safe),
      always: client.with(RETRIES.always),
      checked: client.with(RETRIES.checked),
    };
  }

  /** Runs a script. */
  run(call: ScriptCall, retry: Retry, options: ScriptCallOptions = {}): Promise<string[]> {
    return this.answer(call, retry, options, false) as Promise<string[]>;
  }

  /** Runs a script whose answer contains stored values, which need not be text. */
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
      return answerList((await runner.runScript(script, keys, args, { buffers })) as Answer);
    } catch (error) {
      // A refusal wrote nothing, so there is nothing to confirm.
      const reply = replyBehind(error) as Answer | undefined;
      if (typeof reply === 'object' && String(reply[0]) !== 'OK') return reply;
      throw typedError(error);
    }
  }

  /** Runs independent scripts in one batch per node. Returns the answer or the error of each, in the same order. */
  async runMany(
    calls: readonly ScriptCall[],
    retry: Retry,
    options: ScriptCallOptions = {},
  ): Promise<(string[] | Error)[]> {
    const alone = (call: ScriptCall): Promise<string[] | Error> =>
      this.run(call, retry, options).catch((error: Error) => error);
    // Each durable call waits on its own connection.
    if (options.durability) return Promise.all(calls.map(alone));
    // The batch loads known scripts into servers that lack them.
    for (const script of new Set(calls.map((call) => call.script))) this.client.addScript(script);
    const pipeline = this.runner(retry, options).pipeline().anyOrder();
    // not spread: there can be more arguments than a JavaScript call accepts
    for (const { script, keys, args } of calls)
      Reflect.apply(pipeline.evalsha, pipeline, [script.sha, keys.length, ...keys, ...args]);
    const results = (await pipeline.exec()) ?? [];
    return Promise.all(
      results.map(([error, answer], i) =>
        isUnknownScript(error)
          ? alone(calls[i])
          : ((error && typedError(error)) ?? answerList(answer as string | string[])),
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

type Answer = string | (string | Buffer)[];

/** What servers need for a property with a `ttl`. */
export const FIELD_EXPIRY_NEEDS = 'Redis 7.4 or later, or Valkey 9 or later';

/** Redis names the function `redis.acl_check_cmd`, Valkey 8 names it `server.acl_check_cmd`. */
const UNKNOWN_TO_ACL = /Invalid command passed to \w+\.acl_check_cmd/;

/** Returns the error for a caller whose server is too old for a script. Such a script has written nothing. */
function typedError<T>(error: T): T | UnsupportedServerFeatureError {
  if (!(error instanceof ReplyError)) return error;
  // Before version 7, servers read the shebang as invalid Lua.
  if (error.message.includes('Error compiling script'))
    return new UnsupportedServerFeatureError(
      'Writing entities',
      'Redis 7.0 or later, or Valkey 7.2 or later',
    );
  // A script asks for its permissions before it writes, and the only command that a server may lack is HPEXPIRE.
  if (UNKNOWN_TO_ACL.test(error.message))
    return new UnsupportedServerFeatureError('A property with a ttl', FIELD_EXPIRY_NEEDS);
  return error;
}

const isUnknownScript = (error: unknown): boolean => error instanceof ReplyError && error.code === 'NOSCRIPT';
