import { ReplyError as NodeReplyError } from 'ioredis';
import { CallLimit } from '../../cluster/command/call-limit.js';
import { ConnectionError } from '../../cluster/common/errors.js';
import { within } from '../../cluster/common/within.js';
import { endNow, openLeased, type LeasedConnection } from '../../cluster/leases/leased-connection.js';
import type { ResolvedClusterOptions } from '../../cluster/options/options.js';
import { toReplyError } from '../../cluster/protocol/reply-error.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import { nodeName, type NodeAddress } from '../../cluster/topology/topology.js';

const REPLY_MS = 5_000;

/** A connection to one server, whether it is a node of a cluster or not. */
export class NodeLink {
  private constructor(
    readonly name: string,
    private readonly connection: LeasedConnection,
  ) {}

  /** Connects and shakes hands. @throws ConnectionError, AuthenticationError */
  static async open(address: NodeAddress, options: ResolvedClusterOptions): Promise<NodeLink> {
    const name = nodeName(address);
    // without an id, any server is the right one
    const anybody = { ...address, id: '', name, role: 'primary', slots: [] } as const;
    const limit = new CallLimit('connect', 2 * options.connectTimeoutMs, undefined);
    return new NodeLink(name, await openLeased(anybody, options, limit, () => {}));
  }

  /** Sends a command. @throws ReplyError, ConnectionError */
  async call(command: string, ...args: string[]): Promise<Reply> {
    const { redis } = this.connection;
    try {
      return await within(REPLY_MS, redis.call(command, args) as Promise<Reply>, () => {
        throw new ConnectionError(this.name, `no answer within ${REPLY_MS} ms`);
      });
    } catch (error) {
      if (error instanceof NodeReplyError) throw toReplyError((error as Error).message);
      if (error instanceof ConnectionError) throw error;
      throw new ConnectionError(this.name, (error as Error).message);
    }
  }

  close(): void {
    endNow(this.connection.redis);
  }
}
