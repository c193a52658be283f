import { InvalidArgumentError, ClusterError } from '../common/errors.js';
import type { Reply } from '../protocol/reply.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';

/**
 * What a connection is for:
 * - `shared`: the commands of all callers
 * - `leased`: one caller's alone, for the time of a blocking command or a transaction
 * - `subscriber`: subscriptions
 */
export type ConnectionPurpose = 'shared' | 'leased' | 'subscriber';

/** A connection that has just been made, and carries nothing of anybody's yet. */
export interface NewConnection {
  /** The node it leads to. */
  readonly node: NodeAddress;
  readonly purpose: ConnectionPurpose;
  /**
   * Sends one command on it, and gives the reply.
   * @throws InvalidArgumentError for a command that would make the connection unfit for the client; ReplyError
   */
  call(name: string, ...args: (string | number)[]): Promise<Reply>;
}

/** What an application does with each connection before it is used. */
export type ConnectionHook = (connection: NewConnection) => void | Promise<void>;

/** The application's own `onConnect` failed, so the connection was not taken. Its cause is what that threw. */
export class ConnectionHookError extends ClusterError {
  constructor(node: string, cause: unknown) {
    super(
      `onConnect failed for a connection to ${node}`,
      { code: 'ON_CONNECT_FAILED', retryable: true },
      { cause },
    );
  }
}

/** Commands after which replies do not come one a command, or not in a form that the client reads. */
const UNFIT = new Set(
  'hello reset quit select multi exec discard watch monitor sync psync subscribe psubscribe ssubscribe'.split(
    ' ',
  ),
);

/** Runs the hook on a fresh connection. @throws ConnectionHookError */
export async function runConnectionHook(
  hook: ConnectionHook,
  { host, port }: NodeAddress,
  purpose: ConnectionPurpose,
  ask: (name: string, ...args: string[]) => Promise<Reply>,
): Promise<void> {
  const call = async (command: string, ...args: (string | number)[]): Promise<Reply> => {
    const words = [command, ...args].map(String);
    if (UNFIT.has(words[0].toLowerCase()) || /^client reply\b/i.test(words.join(' '))) {
      throw new InvalidArgumentError('command', `${words[0]} would make the connection unfit for the client`);
    }
    return ask(words[0], ...words.slice(1));
  };
  try {
    await hook({ node: { host, port }, purpose, call });
  } catch (error) {
    throw new ConnectionHookError(nodeName({ host, port }), error);
  }
}
