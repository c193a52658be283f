import { BaseRpcContext } from '@nestjs/microservices';

/** Metadata that travels with a packet beside its data: strings by name. */
export type ClusterPacketMetadata = Readonly<Record<string, string>>;

/** The context of a message, which `@Ctx()` injects into a handler. */
export class ClusterContext extends BaseRpcContext<
  [channel: string, pattern: string, metadata?: ClusterPacketMetadata]
> {
  /** Returns the channel that the message was published to. */
  getChannel(): string {
    return this.args[0];
  }

  /** Returns the pattern of the handler. With `wildcards` it can differ from the channel. */
  getPattern(): string {
    return this.args[1];
  }

  /** Returns what the caller's `setOnDispatchHook` (Nest 12) put into `packet.metadata`, or undefined. */
  getMetadata(): ClusterPacketMetadata | undefined {
    return this.args[2];
  }
}
