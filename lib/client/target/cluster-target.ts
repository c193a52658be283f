import type { RedisCommander } from 'ioredis';
import { random } from '../../cluster/runtime/randomness.js';
import { CallLimit } from '../../cluster/command/call-limit.js';
import { afterAttempts, appliedOf, isResent } from '../../cluster/retry/attempt-outcome.js';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import type { CallPolicy, CallShape } from '../../cluster/command/call-policy.js';
import { isBlocking, isIdempotent } from '../../cluster/command-table/command-table.js';
import { describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError, OutcomeUnknownError, TopologyError } from '../../cluster/common/errors.js';
import { PartialFailureError } from '../../cluster/retry/partial-failure-error.js';
import { retryUntil } from '../../cluster/retry/retry-until.js';
import { isRedirect, isTransient } from '../../cluster/retry/transient.js';
import type { ResolvedCall } from '../../cluster/command/resolved-call.js';
import type { ClusterNode, ClusterTopology } from '../../cluster/topology/topology.js';
import { withBigIntegers } from '../commands/big-integers.js';
import { normalizeArguments, withCallback } from '../commands/call-arguments.js';
import type { ViewPolicy } from '../commands/call-options.js';
import type { ConnectionScopedCommand } from '../commands/cluster-commands.js';
import { installCommands } from '../commands/install-commands.js';
import { replyShape } from '../commands/reply-transforms.js';

declare module 'ioredis/built/utils/RedisCommander.js' {
  /** ioredis derives the types of all its commands from this interface. */
  interface ResultTypes<Result, Context> {
    /** The replies of several nodes, by node name. */
    byNode: Promise<Map<string, Result>>;
  }
}

/** Nodes by role. They are looked up when the call is made, and again if the topology changes meanwhile. */
export type NodeRole = 'primaries' | 'replicas' | 'all';
/** One node: a random primary, or the default node. */
export type AnyNode = 'random' | 'default';
/** What commands can be addressed to. */
export type TargetNodes = NodeRole | AnyNode | ClusterNode | readonly ClusterNode[];

/** Commands whose replies are Maps by node name. */
export type CommandsByNode = Omit<RedisCommander<{ type: 'byNode' }>, ConnectionScopedCommand>;
/** Commands to one node. */
export type CommandsToNode = Omit<RedisCommander<{ type: 'default' }>, ConnectionScopedCommand>;

/** Looks up the nodes of a role. */
export const ROLES: Readonly<Record<NodeRole, (topology: ClusterTopology) => readonly ClusterNode[]>> = {
  primaries: (topology) => topology.primaries,
  replicas: (topology) => topology.replicas,
  all: (topology) => topology.nodes,
};

const ANY: Readonly<Record<AnyNode, (topology: ClusterTopology) => ClusterNode | undefined>> = {
  random: ({ primaries }) => primaries[Math.floor(random() * primaries.length)],
  default: (topology) => topology.defaultNode,
};

/** One call, and its limit. */
interface NodeRequest {
  readonly call: ResolvedCall;
  readonly shape: CallShape;
  readonly limit: CallLimit;
}

const nameOf = ({ call }: NodeRequest): string => call.name.toUpperCase();

/**
 * Sends commands to the nodes you name. A role or a list returns a Map from node name to reply; a single node
 * returns the reply. Redirects are not followed, as you chose the node.
 */
export class ClusterTarget {
  constructor(
    private readonly engine: ClusterEngine,
    private readonly policy: ViewPolicy,
    private readonly target: TargetNodes,
  ) {
    checkTarget(target);
  }

  /** Runs one command. All command methods call this. */
  send(name: string, args: unknown[], buffers: boolean): Promise<unknown> {
    const { target } = this;
    // no callbacks for several nodes: their types promise the reply of one
    const several = Array.isArray(target) || (typeof target === 'string' && target in ROLES);
    if (several) return this.runWithIntegers(name, args, buffers);
    return withCallback(args, () => this.runWithIntegers(name, args, buffers));
  }

  private async runWithIntegers(name: string, args: unknown[], buffers: boolean): Promise<unknown> {
    const reply = await this.run(name, args, buffers);
    return this.policy.integers === 'bigint' ? withBigIntegers(reply) : reply;
  }

  private async run(name: string, args: unknown[], buffers: boolean): Promise<unknown> {
    const call = this.engine.resolver.resolveForNode(name, normalizeArguments(name, args));
    if (isBlocking(call.row, call.args)) {
      throw new InvalidArgumentError(
        'command',
        `${call.row.name} would block a connection that all callers share. Call it on the client.`,
      );
    }
    const shape = replyShape(name, this.engine.options.protocol, buffers, this.policy.replyTypes);
    const limit = new CallLimit(name, this.policy.deadlineMs, this.policy.signal);
    const request: NodeRequest = { call, shape, limit };
    const several = Array.isArray(this.target) || (typeof this.target === 'string' && this.target in ROLES);
    return this.engine.runner.traced(call, several ? 'fanOut' : 'single', this.policy, (policy) =>
      policy === this.policy
        ? this.route(request)
        : new ClusterTarget(this.engine, policy, this.target).route(request),
    );
  }

  private async route(request: NodeRequest): Promise<unknown> {
    const { call } = request;
    const { engine, target } = this;
    // sent in the turn of the call, if possible: a turn that becomes long does not count
    if (engine.state !== 'ready')
      await engine.ready(call.name, { ...this.policy, trace: undefined }, request.limit.until);
    if (Array.isArray(target)) return this.toNodes(target as readonly ClusterNode[], request);
    if (typeof target !== 'string') return this.toNode(target as ClusterNode, request);
    if (target in ROLES) return this.toRole(target as NodeRole, request);
    return this.sendUntilDeadline(
      request,
      () => this.toNode(ANY[target as AnyNode](engine.topology), request),
      (error, mayHaveRun) => afterAttempts(call.name, error, mayHaveRun),
    );
  }

  private async toNode(node: ClusterNode | undefined, { call, shape, limit }: NodeRequest): Promise<unknown> {
    if (node === undefined)
      throw new TopologyError('UNKNOWN_NODE', 'The topology has no such node at present');
    // take the address from the topology: a caller must not choose where we send credentials
    const known = this.engine.topology.node(node.name);
    if (known === undefined) {
      throw new TopologyError('UNKNOWN_NODE', `${node.name} is not a node of this cluster, or no longer`);
    }
    const policy: CallPolicy = { ...this.policy, retry: 'never' };
    return this.engine.runner.runPart(call, policy, shape, limit.until, known);
  }

  private async toNodes(nodes: readonly ClusterNode[], request: NodeRequest): Promise<Map<string, unknown>> {
    const replies = new Map<string, unknown>();
    const errors = await this.collect(nodes, request, replies);
    if (errors.size > 0) throw new PartialFailureError(nameOf(request), replies, errors);
    return inOrderOf(nodes, replies);
  }

  /** Sends the call to every node that has the role at that time, until each has replied. */
  private toRole(role: NodeRole, request: NodeRequest): Promise<Map<string, unknown>> {
    const replies = new Map<string, unknown>();
    let errors: ReadonlyMap<string, Error> = new Map();
    /** Nodes that may have executed the call without a reply. A later reply removes the node. */
    const unknown = new Map<string, Error>();
    const sendToSilent = async (): Promise<Map<string, unknown>> => {
      for (const [node, error] of errors) if (appliedOf(error) !== false) unknown.set(node, error);
      const nodes = ROLES[role](this.engine.topology);
      const silent = nodes.filter((node) => !replies.has(node.name));
      errors = await this.collect(silent, request, replies);
      if (errors.size > 0) throw new PartialFailureError(nameOf(request), new Map(replies), errors);
      return inOrderOf(nodes, replies);
    };
    return this.sendUntilDeadline(request, sendToSilent, (error) => {
      if (!(error instanceof PartialFailureError)) return error;
      for (const [node, last] of errors) {
        unknown.set(node, afterAttempts(request.call.name, last, unknown.has(node)));
      }
      for (const node of replies.keys()) unknown.delete(node);
      return new PartialFailureError(nameOf(request), replies, unknown);
    });
  }

  /**
   * Sends again until the deadline, after looking up the nodes again, if that is harmless and may help.
   * @param asThrown returns the error for the caller, from that of the last attempt
   */
  private async sendUntilDeadline<T>(
    { call, limit }: NodeRequest,
    send: () => Promise<T>,
    asThrown: (error: Error, mayHaveRun: boolean) => Error,
  ): Promise<T> {
    let mayHaveRun = false;
    return retryUntil<T>(
      limit,
      async () => {
        try {
          return { result: await send() };
        } catch (error) {
          if (!this.maySendAgain(call, error as Error)) throw asThrown(error as Error, mayHaveRun);
          mayHaveRun ||= appliedOf(error) !== false;
          this.engine.reportStale();
          return { lastError: error as Error };
        }
      },
      (lastError) => {
        // which nodes have executed the call is more useful to the caller than that the deadline has passed
        const isOwnError = lastError !== undefined && !this.policy.signal?.aborted;
        const isPartial = lastError instanceof PartialFailureError;
        return asThrown(isOwnError || isPartial ? lastError : limit.error(lastError), mayHaveRun);
      },
    );
  }

  private maySendAgain(call: ResolvedCall, error: Error): boolean {
    const { retry } = this.policy;
    if (retry === 'never') return false;
    if (error instanceof PartialFailureError)
      return [...error.errors.values()].every((one) => this.maySendAgain(call, one));
    if (error instanceof OutcomeUnknownError) {
      const idempotent = isIdempotent(call.row, call.args);
      return isResent(retry, { idempotent, reads: idempotent && !call.row.write });
    }
    // a redirect is the reply of the node that the caller chose
    return isTransient(error) && !isRedirect(error);
  }

  /** Sends the call to each node. Adds replies to `replies`, and returns the errors. */
  private async collect(
    nodes: readonly ClusterNode[],
    request: NodeRequest,
    replies: Map<string, unknown>,
  ): Promise<Map<string, Error>> {
    const errors = new Map<string, Error>();
    await Promise.all(
      nodes.map(async (node) => {
        try {
          replies.set(node.name, await this.toNode(node, request));
        } catch (error) {
          errors.set(node.name, error as Error);
        }
      }),
    );
    return errors;
  }
}

installCommands(ClusterTarget.prototype);

function checkTarget(target: unknown): void {
  const isNode = (value: unknown): boolean =>
    typeof (value as Partial<ClusterNode> | null)?.name === 'string';
  if (typeof target === 'string' && (Object.hasOwn(ROLES, target) || Object.hasOwn(ANY, target))) return;
  if (Array.isArray(target) ? target.every(isNode) : isNode(target)) return;
  const known = [...Object.keys(ROLES), ...Object.keys(ANY)].join(', ');
  throw new InvalidArgumentError(
    'target',
    `A target must be one of ${known}, a node of the topology, or a list of nodes; got ${describeOther(target)}`,
  );
}

function inOrderOf(
  nodes: readonly ClusterNode[],
  replies: ReadonlyMap<string, unknown>,
): Map<string, unknown> {
  const known = nodes.filter((node) => replies.has(node.name));
  return new Map(known.map((node) => [node.name, replies.get(node.name)]));
}
