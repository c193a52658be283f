import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import type { CallPolicy } from '../../cluster/command/call-policy.js';
import { resolveCall } from '../../cluster/command/resolved-call.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError, TopologyError } from '../../cluster/common/errors.js';
import { PartialFailureError } from '../../cluster/retry/partial-failure-error.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import { monotonicMs } from '../../cluster/common/timers.js';
import { NO_SLOT } from '../../cluster/topology/key-slot.js';
import { nodeName, type ClusterNode } from '../../cluster/topology/topology.js';
import { normalizeArguments } from '../commands/call-arguments.js';
import { parseShards, type ShardNode } from './shard-nodes.js';

/** A node, given by its id (40 hex digits), its name (`host:port`), or an object with host and port. */
export type NodeReference = string | { readonly host: string; readonly port: number };

/** An argument of a command. */
export type Word = string | Buffer | number;

/** How a command that may run twice is sent. */
interface RepeatOptions {
  /** Whether strings in the reply are Buffers. */
  readonly buffers?: boolean;
  readonly deadlineMs?: number;
}

const NODE_ID = /^[0-9a-f]{40}$/;
const STRINGS = { buffers: false };

/**
 * Sends CLUSTER commands to the nodes you name. These include nodes without slots, which no topology shows.
 * They are looked up in the cluster, so that no command and no credentials go to an unknown node.
 */
export class AdminCalls {
  constructor(
    private readonly engine: ClusterEngine,
    private readonly policy: CallPolicy,
  ) {}

  /** Sends the command to the node it belongs to; to the default node if any will do. */
  async sendAnywhere(words: readonly Word[], buffers = false): Promise<Reply> {
    return (await this.engine.run('cluster', wordsOf(words), this.policy, { buffers })) as Reply;
  }

  /** Sends a command to a node; to the default node if none is named. @throws TopologyError `UNKNOWN_NODE` */
  async send(reference: NodeReference | undefined, ...words: Word[]): Promise<Reply> {
    return this.sendToNode(
      reference === undefined ? await this.defaultNode() : await this.find(reference),
      words,
    );
  }

  /** Sends a command that changes a node (or the default node), and refreshes the topology. */
  async change(reference: NodeReference | undefined, ...words: Word[]): Promise<'OK'> {
    await this.send(reference, ...words);
    this.engine.reportStale();
    return 'OK';
  }

  /** Sends a command that changes several nodes. @throws PartialFailureError if some of them failed */
  async changeAll(nodes: readonly ClusterNode[], ...words: Word[]): Promise<'OK'> {
    const replies = new Map<string, unknown>();
    const errors = new Map<string, Error>();
    await Promise.all(
      nodes.map(async (node) => {
        try {
          replies.set(node.name, await this.sendToNode(node, words));
        } catch (error) {
          errors.set(node.name, error as Error);
        }
      }),
    );
    this.engine.reportStale();
    if (errors.size > 0) throw new PartialFailureError(`CLUSTER ${words[0]}`, replies, errors);
    return 'OK';
  }

  /** Returns the node that a reference names. @throws TopologyError `UNKNOWN_NODE` */
  async find(reference: NodeReference): Promise<ClusterNode> {
    const sought = referenceText(reference);
    await this.ready();
    const names = (node: ClusterNode): boolean => node.id === sought || node.name === sought;
    const found = this.engine.topology.nodes.find(names) ?? (await this.allNodes()).find(names);
    if (found !== undefined) return found;
    throw new TopologyError('UNKNOWN_NODE', `${sought} is not a node of this cluster, or no longer`);
  }

  /** Returns the id that a reference names. An id is returned as it is; the server checks it. */
  async idOf(reference: NodeReference): Promise<string> {
    const text = referenceText(reference);
    return NODE_ID.test(text) ? text : (await this.find(reference)).id;
  }

  /** Returns all nodes, including those without slots, except those known to be down. */
  async allNodes(): Promise<ClusterNode[]> {
    const shards = parseShards(await this.sendAnywhere(['SHARDS']));
    const { host } = await this.defaultNode();
    return shards.flatMap(({ slots, nodes }) =>
      nodes
        .filter(({ health }) => health !== 'failed')
        .map((node) => ({ id: node.id, role: node.role, slots, ...this.addressOf(node, host) })),
    );
  }

  /** Reads from the nodes which of them owns which slot. */
  async readView(): Promise<ClusterEngine['topology']> {
    return this.engine.readView(this.policy);
  }

  /** Sends a command to one node, and to no other. */
  async sendToNode(node: ClusterNode, words: readonly Word[]): Promise<Reply> {
    const call = this.engine.resolver.resolveForNode('cluster', wordsOf(words));
    return (await this.engine.runner.runSingle(
      call,
      { ...this.policy, retry: 'never' },
      STRINGS,
      node,
    )) as Reply;
  }

  /**
   * Sends a command that may run twice to one node, and to no other. Sends it again if its reply is lost. Keys are sent
   * as they are, without the client's `keyPrefix`.
   * @param deadlineMs how long it may take, if that is not what the client allows for a call
   */
  async repeatOnNode(
    node: ClusterNode,
    name: string,
    words: readonly Word[],
    { buffers = false, deadlineMs = this.policy.deadlineMs }: RepeatOptions = {},
  ): Promise<Reply> {
    const args = normalizeArguments(name, [...words]);
    const call = resolveCall(this.engine.resolver.rowOf(name, args), name, args, '', NO_SLOT);
    const policy: CallPolicy = { ...this.policy, deadlineMs, retry: 'always' };
    return (await this.engine.runner.runSingle(call, policy, { buffers }, node)) as Reply;
  }

  private ready(): Promise<void> {
    return this.engine.ready('cluster', this.policy, monotonicMs() + this.policy.deadlineMs);
  }

  private async defaultNode(): Promise<ClusterNode> {
    await this.ready();
    const node = this.engine.topology.defaultNode;
    if (node === undefined)
      throw new TopologyError('SLOTS_NOT_COVERED', 'No node of the cluster is known at present');
    return node;
  }

  private addressOf(node: ShardNode, askedHost: string): { host: string; port: number; name: string } {
    const { tls, addressRemap } = this.engine.options;
    const port = (tls === undefined ? node.port : node.tlsPort) ?? 0;
    // a node that does not know its name reports `?`; one that does not know its address reports nothing
    const known = node.endpoint === '?' ? undefined : node.endpoint;
    const announced = { host: known ?? (node.ip || askedHost), port };
    const address = addressRemap?.(announced) ?? announced;
    return { host: address.host, port: address.port, name: nodeName(address) };
  }
}

function referenceText(reference: NodeReference): string {
  if (typeof reference === 'string') return reference;
  if (typeof reference === 'object' && reference !== null && 'host' in reference) return nodeName(reference);
  throw new InvalidArgumentError(
    'node',
    `A node must be given by its id, by host:port, or by an object with both; got ${describeKind(reference)}`,
  );
}

/** Returns a new list, as the engine may change it. */
const wordsOf = (words: readonly Word[]): (string | Buffer)[] => normalizeArguments('cluster', [...words]);
