import { toByteText } from '../cluster/protocol/buffer-text.js';
import type { ChannelName } from './subscriptions/cluster-message.js';
import type { PubSubEngine } from './common/pubsub-engine.js';
import { checkName, readNames } from './subscriptions/subscription-name.js';

/**
 * Queries the subscriptions of the whole cluster, not only those of this process. Each node knows its own;
 * the engine queries all nodes and merges their replies.
 *
 * @see {@link https://redis.io/docs/latest/commands/pubsub/ | PUBSUB}
 */
export class Introspection {
  constructor(private readonly engine: PubSubEngine) {}

  /** Returns the channels with subscribers, each once. */
  async channels(subcommand: 'channels' | 'shardchannels', pattern?: string): Promise<string[]> {
    return (await this.runPubSub(
      false,
      subcommand,
      ...(pattern === undefined ? [] : [checkName(pattern)]),
    )) as string[];
  }

  /** Returns the number of connections that subscribe to each channel. */
  async subscribers<N extends ChannelName>(
    subcommand: 'numsub' | 'shardnumsub',
    channels: N | readonly N[],
  ): Promise<Map<N, number>> {
    const names = readNames(channels);
    const reply = (await this.runPubSub(true, subcommand, ...names.map(({ given }) => given))) as (
      Buffer | number
    )[];
    const counts = new Map<string, number>();
    for (let i = 0; i < reply.length; i += 2) {
      const name = reply[i];
      if (Buffer.isBuffer(name)) counts.set(toByteText(name), Number(reply[i + 1]));
    }
    return new Map(names.map(({ key, given }) => [given as N, counts.get(key) ?? 0]));
  }

  /** Returns the number of patterns with subscribers; a pattern counts once per node. */
  async patterns(): Promise<number> {
    return (await this.runPubSub(false, 'numpat')) as number;
  }

  private runPubSub(buffers: boolean, ...args: ChannelName[]): Promise<unknown> {
    return this.engine.run('pubsub', args, this.engine.options, { buffers });
  }
}
