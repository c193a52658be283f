import { BaseRpcContext } from '@nestjs/microservices';

/** What travels with a packet beside its data: strings by name. */
export type ClusterPacketMetadata = Readonly<Record<string, string>>;

/** What a handler learns of a message, by `@Ctx()`. */
export class ClusterContext extends BaseRpcContext<
  [channel: string, pattern: string, metadata?: ClusterPacketMetadata]
> {
  /** The channel it was published to. */
  getChannel(): string {
    return this.args[0];
  }

  /** The pattern of the handler: with `wildcards` it may be another than the channel. */
  getPattern(): string {
    return this.args[1];
  }

  /** What the caller's `setOnDispatchHook` (Nest 12) put into `packet.metadata`; undefined if nothing. */
  getMetadata(): ClusterPacketMetadata | undefined {
    return this.args[2];
  }
}
