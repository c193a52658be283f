import { InvalidArgumentError, ClusterError } from '../common/errors.js';
import type { Ask, Reply } from '../protocol/reply.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';

/**
 * The purpose of a connection:
 * - `shared`: the commands of all callers
 * - `leased`: a single caller, during a blocking command or a transaction
 * - `subscriber`: subscriptions
 */
export type ConnectionPurpose = 'shared' | 'leased' | 'subscriber';

/** A connection that has just been opened, and is not used by any call yet. */
export interface NewConnection {
  /** The node it leads to. */
  readonly node: NodeAddress;
  readonly purpose: ConnectionPurpose;
  /**
   * Sends one command on it, and returns the reply.
   * @throws InvalidArgumentError for a command that would make the connection unusable for the client;
   *   ReplyError
   */
  call(name: string, ...args: (string | number)[]): Promise<Reply>;
}

/** Runs on each connection before it is used. */
export type ConnectionHook = (connection: NewConnection) => void | Promise<void>;

/** What is done with a new connection before it is used. */
export interface ConnectionSetup {
  /** What calls have set on earlier connections. */
  readonly connectionState: { restore(ask: Ask, purpose: ConnectionPurpose): Promise<void> };
  readonly onConnect: ConnectionHook | undefined;
}

/** The application's `onConnect` failed, so the connection is not used. The `cause` is what it threw. */
export class ConnectionHookError extends ClusterError {
  constructor(node: string, cause: unknown) {
    super(
      `onConnect failed for a connection to ${node}`,
      { code: 'ON_CONNECT_FAILED', retryable: true },
      { cause },
    );
  }
}

/** Commands after which there is not one reply per command, or in a form that the client cannot read. */
const UNFIT = new Set(
  'hello reset quit select multi exec discard watch monitor sync psync subscribe psubscribe ssubscribe'.split(
    ' ',
  ),
);

/**
 * Prepares a new connection for its use: sets the state that earlier connections had, then runs the application's hook.
 * @throws ConnectionHookError
 */
export async function prepareConnection(
  { connectionState, onConnect }: ConnectionSetup,
  node: NodeAddress,
  purpose: ConnectionPurpose,
  ask: Ask,
): Promise<void> {
  await connectionState.restore(ask, purpose);
  if (onConnect !== undefined) await runConnectionHook(onConnect, node, purpose, ask);
}

/** Runs the hook on a new connection. @throws ConnectionHookError */
async function runConnectionHook(
  hook: ConnectionHook,
  { host, port }: NodeAddress,
  purpose: ConnectionPurpose,
  ask: Ask,
): Promise<void> {
  const call = async (command: string, ...args: (string | number)[]): Promise<Reply> => {
    const words = [command, ...args].map(String);
    if (UNFIT.has(words[0].toLowerCase()) || /^client reply\b/i.test(words.join(' '))) {
      throw new InvalidArgumentError(
        'command',
        `${words[0]} would make the connection unusable for the client`,
      );
    }
    return ask(words[0], ...words.slice(1));
  };
  try {
    await hook({ node: { host, port }, purpose, call });
  } catch (error) {
    throw new ConnectionHookError(nodeName({ host, port }), error);
  }
}
