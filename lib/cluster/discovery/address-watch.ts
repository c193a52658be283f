import type { TopologyError } from '../common/errors.js';
import { monotonicMs, setTimeout } from '../common/timers.js';
import { isUnreachable, isWrongNode } from '../connection/establish-connection.js';
import type { NodeChannel } from '../connection/node-channel.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { ChannelPool } from '../routing/channel-pool.js';
import { nodeName } from '../topology/topology.js';
import { inspectAddresses } from './inspect-addresses.js';

/** How long failures are collected, in ms. In this time the other nodes notice that a node is dead. */
const COLLECT_MS = 200;
/** The shortest time between two checks of one node, in ms. */
const REPEAT_MS = 10_000;

/**
 * Reports nodes that the client has never reached at the addresses they announce, although other nodes are connected
 * to them: each node once. Such a client goes on with the nodes that it reaches.
 */
export class AddressWatch {
  private readonly suspects = new Map<string, Error>();
  /** When nodes were last checked; Infinity for those that have been reported. */
  private readonly checkedAt = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined = undefined;

  /** @param onFound receives one error for all nodes that were found together, and the name of the first */
  constructor(
    private readonly pool: () => ChannelPool,
    private readonly options: ResolvedClusterOptions,
    private readonly onFound: (error: TopologyError, node: string) => void,
    private readonly closing: AbortSignal,
  ) {}

  /** Takes notice of a node without a connection. */
  failed(name: string, error: Error): void {
    const pool = this.pool();
    if (!isUnreachable(error) || pool.topology.node(name) === undefined) return;
    const wasReached = (pool.find(name)?.counters.connects ?? 0) > 0;
    if (wasReached && !isWrongNode(error)) return;
    if (monotonicMs() < (this.checkedAt.get(name) ?? -Infinity) + REPEAT_MS) return;
    this.suspects.set(name, error);
    this.timer ??= setTimeout(() => void this.check(), COLLECT_MS).unref();
  }

  private async check(): Promise<void> {
    const pool = this.pool();
    const failures = new Map(this.suspects);
    this.suspects.clear();
    this.timer = undefined;
    // a seed may be a node of another cluster by now
    const isMember = ({ name }: NodeChannel): boolean => pool.topology.node(name) !== undefined;
    const findings = await inspectAddresses(
      [...pool.all].toSorted((a, b) => Number(isMember(b)) - Number(isMember(a))),
      this.options,
      failures,
      ({ target }) => target !== undefined && failures.has(nodeName(target)),
    );
    if (this.closing.aborted) return;
    for (const name of this.checkedAt.keys())
      if (pool.topology.node(name) === undefined) this.checkedAt.delete(name);
    for (const name of failures.keys()) this.checkedAt.set(name, monotonicMs());
    if (findings === undefined) return;
    const names = findings.misplaced.flatMap(({ node }) => (node.target ? nodeName(node.target) : []));
    for (const name of names) this.checkedAt.set(name, Infinity);
    this.onFound(findings.error, names[0]);
  }
}
