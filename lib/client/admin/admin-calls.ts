import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import type { CallPolicy } from '../../cluster/command/call-policy.js';
import { InvalidArgumentError, TopologyError } from '../../cluster/common/errors.js';
import { PartialFailureError } from '../../cluster/retry/partial-failure-error.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import { monotonicMs } from '../../cluster/common/timers.js';
import { nodeName, type ClusterNode } from '../../cluster/topology/topology.js';
import { normalizeArguments } from '../commands/call-arguments.js';
import { parseShards, type ShardNode } from './shard-nodes.js';

/** A node by its id (40 hex digits), by its name (`host:port`), or by an object with host and port. */
export type NodeReference = string | { readonly host: string; readonly port: number };

/** A word of a command. */
export type Word = string | Buffer | number;

const NODE_ID = /^[0-9a-f]{40}$/;
const STRINGS = { buffers: false };

/**
 * CLUSTER commands to nodes that are named. Nodes without slots can be named too, which no topology shows: they are
 * looked up in the cluster, so that no command, and no credentials, go to a stranger.
 */
export class AdminCalls {
  constructor(
    private readonly engine: ClusterEngine,
    private readonly policy: CallPolicy,
  ) {}

  /** Asks whichever node the command is for; the default node, if that is all the same. */
  async askAny(words: readonly Word[], buffers = false): Promise<Reply> {
    return (await this.engine.run('cluster', wordsOf(words), this.policy, { buffers })) as Reply;
  }

  /** Asks a node, or the default node if none is named. @throws TopologyError `UNKNOWN_NODE` */
  async ask(reference: NodeReference | undefined, ...words: Word[]): Promise<Reply> {
    return this.askNode(
      reference === undefined ? await this.defaultNode() : await this.find(reference),
      words,
    );
  }

  /** Has a node, or the default node, change something, and the topology looked at anew. */
  async change(reference: NodeReference | undefined, ...words: Word[]): Promise<'OK'> {
    await this.ask(reference, ...words);
    this.engine.reportStale();
    return 'OK';
  }

  /** Has several nodes change something. @throws PartialFailureError where some did not */
  async changeAll(nodes: readonly ClusterNode[], ...words: Word[]): Promise<'OK'> {
    const replies = new Map<string, unknown>();
    const errors = new Map<string, Error>();
    await Promise.all(
      nodes.map(async (node) => {
        try {
          replies.set(node.name, await this.askNode(node, words));
        } catch (error) {
          errors.set(node.name, error as Error);
        }
      }),
    );
    this.engine.reportStale();
    if (errors.size > 0) throw new PartialFailureError(`CLUSTER ${words[0]}`, replies, errors);
    return 'OK';
  }

  /** The node that a reference names. @throws TopologyError `UNKNOWN_NODE` */
  async find(reference: NodeReference): Promise<ClusterNode> {
    const sought = referenceText(reference);
    await this.ready();
    const names = (node: ClusterNode): boolean => node.id === sought || node.name === sought;
    const found = this.engine.topology.nodes.find(names) ?? (await this.allNodes()).find(names);
    if (found !== undefined) return found;
    throw new TopologyError('UNKNOWN_NODE', `${sought} is not a node of this cluster, or not any more`);
  }

  /** The id that a reference names; one that is given is taken as it is, for the server to know or not. */
  async idOf(reference: NodeReference): Promise<string> {
    const text = referenceText(reference);
    return NODE_ID.test(text) ? text : (await this.find(reference)).id;
  }

  /** All nodes, those without slots too, but for those that are known to be down. */
  async allNodes(): Promise<ClusterNode[]> {
    const shards = parseShards(await this.askAny(['SHARDS']));
    const { host } = await this.defaultNode();
    return shards.flatMap(({ slots, nodes }) =>
      nodes
        .filter(({ health }) => health !== 'failed')
        .map((node) => ({ id: node.id, role: node.role, slots, ...this.addressOf(node, host) })),
    );
  }

  /** What the nodes say now of who owns which slot. */
  async readView(): Promise<ClusterEngine['topology']> {
    return this.engine.readView(this.policy);
  }

  /** Asks one node, and only that. */
  async askNode(node: ClusterNode, words: readonly Word[]): Promise<Reply> {
    const call = this.engine.resolver.resolveForNode('cluster', wordsOf(words));
    return (await this.engine.runner.runSingle(
      call,
      { ...this.policy, retry: 'never' },
      STRINGS,
      node,
    )) as Reply;
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
    // a node that does not know its name tells `?`, one that does not know its address tells nothing
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
    'A node is named by its id, by host:port, or by an object with both',
  );
}

/** A fresh list, as it may be changed on its way. */
const wordsOf = (words: readonly Word[]): (string | Buffer)[] => normalizeArguments('cluster', [...words]);
