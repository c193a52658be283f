import { BaseRpcContext } from '@nestjs/microservices';

/** What a handler learns of a message, by `@Ctx()`. */
export class ClusterContext extends BaseRpcContext<[channel: string, pattern: string]> {
  /** The channel it was published to. */
  getChannel(): string {
    return this.args[0];
  }

  /** The pattern of the handler: with `wildcards` it may be another than the channel. */
  getPattern(): string {
    return this.args[1];
  }
}
