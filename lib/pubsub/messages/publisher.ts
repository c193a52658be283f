import { Batch, BatchedCommand } from '../../cluster/command/batch.js';
import { PLAIN_SHAPES } from '../../cluster/command/call-policy.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { ChannelName } from '../subscriptions/cluster-message.js';
import type { MessageCodec } from './message-codec.js';
import type { PubSubEngine } from '../common/pubsub-engine.js';
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
    const args = [checkName(channel), await encodePayload(value, codec)];
    return (await this.engine.run(command, args, this.engine.options, { buffers: false })) as number;
  }

  /** Publishes all messages in one batch per node; each message has its own result. */
  async publishMany<T>(
    command: PublishCommand,
    publications: readonly Publication<T>[],
    codec: MessageCodec<T>,
  ): Promise<PublishResult[]> {
    const { engine } = this;
    // an invalid message is found before anything is sent
    const commands = await Promise.all(
      publications.map(async ({ channel, value }) => {
        const call = engine.resolve(command, [checkName(channel), await encodePayload(value, codec)]);
        return new BatchedCommand(call, PLAIN_SHAPES.strings, engine.options);
      }),
    );
    const results = await new Batch(commands, engine.options, engine).start();
    return results.map(([error, receivers]) =>
      error === null ? { ok: true, receivers: receivers as number } : { ok: false, error },
    );
  }
}

async function encodePayload<T>(value: T, codec: MessageCodec<T>): Promise<string | Buffer> {
  const payload = await codec.encode(value);
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return payload;
  throw new InvalidArgumentError(
    'codec',
    `encode() of a codec must return a string or a Buffer, got ${describeKind(payload)}`,
  );
}
