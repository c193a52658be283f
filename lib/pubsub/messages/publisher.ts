import { asResult } from '../../cluster/batch/batch-result.js';
import { Batch } from '../../cluster/batch/batch.js';
import { QueuedCall } from '../../cluster/batch/sent-batch.js';
import { errorsOf, noteFailures } from '../../cluster/batch-trace.js';
import { CallLimit } from '../../cluster/command/call-limit.js';
import { PLAIN_SHAPES, type CallPolicy } from '../../cluster/command/call-policy.js';
import { CallTrace, NO_EVENTS, NO_NODES, NO_REDIRECTS } from '../../cluster/diagnostics/call-trace.js';
import { publishChannel } from '../../cluster/diagnostics/channels.js';
import type { KeyslotPublishContext } from '../../cluster/diagnostics/contexts.js';
import { type ContextOptions, epochMs, traced } from '../../cluster/diagnostics/traced.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { ChannelName } from '../subscriptions/cluster-message.js';
import type { MessageCodec } from './message-codec.js';
import type { PubSubEngine } from '../common/pubsub-engine.js';
import { isThenable } from '../common/thenable.js';
import { checkName } from '../subscriptions/subscription-name.js';

/** A message to publish. */
export interface Publication<T = unknown> {
  readonly channel: ChannelName;
  readonly value: T;
}

/** The result of one message of `publishMany`: the number of receivers, or its error. */
export type PublishResult =
  { readonly ok: true; readonly receivers: number } | { readonly ok: false; readonly error: Error };

export type PublishCommand = 'publish' | 'spublish';

/** Publishes messages. */
export class Publisher {
  constructor(private readonly engine: PubSubEngine) {}

  async publishOne<T>(
    command: PublishCommand,
    { channel, value }: Publication<T>,
    codec: MessageCodec<T>,
  ): Promise<number> {
    const run = async (policy: CallPolicy): Promise<number> => {
      const args = [checkName(channel), await this.encode(command, value, codec)];
      return (await this.engine.run(command, args, policy, { buffers: false })) as number;
    };
    if (!publishChannel.hasSubscribers) return run(this.engine.options);
    const context = publishContext(this.engine.options, command, [channel]);
    return traced(publishChannel, context, async () => {
      const receivers = await run({ ...this.engine.options, trace: new CallTrace(context) });
      context.receivers = receivers;
      return receivers;
    });
  }

  /** Publishes all messages in one batch per node; each message has its own result. */
  async publishMany<T>(
    command: PublishCommand,
    publications: readonly Publication<T>[],
    codec: MessageCodec<T>,
  ): Promise<PublishResult[]> {
    if (!publishChannel.hasSubscribers) return this.publishBatch(command, publications, codec);
    const context = publishContext(
      this.engine.options,
      command,
      publications.map(({ channel }) => channel),
    );
    return traced(publishChannel, context, () => this.publishBatch(command, publications, codec, context));
  }

  private async publishBatch<T>(
    command: PublishCommand,
    publications: readonly Publication<T>[],
    codec: MessageCodec<T>,
    context?: KeyslotPublishContext,
  ): Promise<PublishResult[]> {
    const { engine } = this;
    // an invalid message is found before anything is sent
    const calls = await Promise.all(
      publications.map(async ({ channel, value }) => {
        const call = engine.resolve(command, [checkName(channel), await this.encode(command, value, codec)]);
        return new QueuedCall(call, PLAIN_SHAPES.strings);
      }),
    );
    const { options } = engine;
    const policy = context === undefined ? options : { ...options, trace: new CallTrace(context) };
    const results = await new Batch(calls, policy, engine, asResult).start();
    if (context !== undefined) {
      noteFailures(context, errorsOf(results));
      context.receivers = results.reduce((sum, [error, count]) => sum + (error ? 0 : Number(count)), 0);
    }
    return results.map(([error, receivers]) =>
      error === null ? { ok: true, receivers: receivers as number } : { ok: false, error },
    );
  }

  /** Encodes a value; a codec has as long for it as a call may take. */
  private async encode<T>(
    command: PublishCommand,
    value: T,
    codec: MessageCodec<T>,
  ): Promise<string | Buffer> {
    const encoded = codec.encode(value);
    const payload = isThenable(encoded)
      ? await new CallLimit(command, this.engine.options.deadlineMs, undefined).wait(Promise.resolve(encoded))
      : encoded;
    if (typeof payload === 'string' || Buffer.isBuffer(payload)) return payload;
    throw new InvalidArgumentError(
      'codec',
      `encode() of a codec must return a string or a Buffer, got ${describeKind(payload)}`,
    );
  }
}

function publishContext(
  options: ContextOptions,
  command: PublishCommand,
  channels: readonly ChannelName[],
): KeyslotPublishContext {
  const names = new Set(channels.map(String));
  return {
    // one literal: see CommandRunner.traced
    clientId: options.clientId,
    clientName: options.clientName,
    startedAt: epochMs(),
    kind: command === 'publish' ? 'channel' : 'sharded',
    channel: names.size === 1 ? [...names][0] : undefined,
    batchSize: channels.length,
    failed: 0,
    outcome: undefined,
    errorCode: undefined,
    error: undefined,
    node: undefined,
    address: undefined,
    port: undefined,
    nodes: NO_NODES,
    attempts: 0,
    redirects: NO_REDIRECTS,
    retries: 0,
    events: NO_EVENTS,
  };
}
