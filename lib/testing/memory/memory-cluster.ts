import type { Socket } from 'node:net';
import { serveInProcess } from '../../cluster/topology/in-process-nodes.js';
import type { NodeAddress } from '../../cluster/topology/topology.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeValue } from '../../cluster/common/describe-value.js';
import { MemoryClock } from './keyspace/clock.js';
import { seededRandom } from './keyspace/random.js';
import { MemoryNode } from './server/memory-node.js';
import { MemorySocket } from './server/memory-socket.js';

/** Options of a cluster in memory. */
export interface MemoryClusterOptions {
  /** Returns the time in milliseconds since 1970. Default: the time of this machine, fake timers included. */
  now?: (() => number) | undefined;
  /** The seed of everything random, such as SPOP. The same seed gives the same choices. Default 1. */
  seed?: number | undefined;
  /** How many replicas confirm a write of a call with `durability`. Default 1. */
  replicas?: number | undefined;
}

let serial = 0;

/**
 * A cluster in the memory of this process, for unit tests without a server. Clients that start from its {@link nodes}
 * reach it without the network, and their commands, scripts and subscriptions run as on a server. It has one node, which
 * owns all slots, and no faults: test redirects, failovers and lost connections on a `LocalCluster`.
 *
 * ```ts
 * const memory = new MemoryCluster();
 * const client = new ClusterClient({ nodes: memory.nodes });
 * ```
 */
export class MemoryCluster {
  /** The nodes of clients that are to work in this cluster. */
  readonly nodes: readonly NodeAddress[];
  private readonly clock: MemoryClock;
  private readonly node: MemoryNode;
  private readonly sockets = new Set<MemorySocket>();
  private readonly end: () => void;
  private isEnding = false;

  /** @throws InvalidArgumentError for an option of the wrong type, or an unknown one */
  constructor(options: MemoryClusterOptions = {}) {
    checkOptions(options);
    const { now, seed = 1, replicas = 1 } = options;
    const host = `memory-${++serial}`;
    const port = 1;
    const id = String(serial).padStart(40, '0');
    this.clock = new MemoryClock(now);
    this.node = new MemoryNode({ host, port, id, clock: this.clock, random: seededRandom(seed), replicas });
    this.nodes = [{ host, port }];
    this.end = serveInProcess(host, { connect: () => this.connect(), now: () => this.now() });
  }

  /** Returns the time by which keys expire, in milliseconds since 1970. */
  now(): number {
    return this.clock.now();
  }

  /** Sets the time, after which it stands still. What has expired by then is gone. */
  setTime(time: number | Date): void {
    if (!Number.isFinite(Number(time)))
      throw new InvalidArgumentError(
        'time',
        `The time must be a Date or milliseconds since 1970, got ${describeValue(time)}`,
      );
    this.clock.set(time);
  }

  /** Moves the time forward by so many milliseconds. What has expired by then is gone. */
  advance(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0)
      throw new InvalidArgumentError(
        'ms',
        `The time can only move forward by a number of milliseconds, got ${describeValue(ms)}`,
      );
    this.clock.advance(ms);
  }

  /** Deletes all keys. Clients stay connected. */
  clear(): void {
    this.node.keyspace.clear();
  }

  /** Ends all connections, and frees the memory. Clients cannot connect again. */
  close(): void {
    this.end();
    for (const socket of this.sockets) socket.destroy();
    this.clear();
  }

  /** @internal Closes as soon as no client is connected. */
  closeWhenUnused(): void {
    this.isEnding = true;
    if (this.sockets.size === 0) this.close();
  }

  private connect(): Socket {
    const socket = new MemorySocket(this.node);
    this.sockets.add(socket);
    socket.once('close', () => {
      this.sockets.delete(socket);
      if (this.isEnding && this.sockets.size === 0) this.close();
    });
    // clients use a socket as what a stream and the members of MemorySocket are
    return socket as unknown as Socket;
  }
}

function checkOptions(options: MemoryClusterOptions): void {
  checkOptionNames('MemoryCluster', options, ['now', 'seed', 'replicas']);
  const { now, ...numbers } = options;
  if (now !== undefined && typeof now !== 'function')
    throw new InvalidArgumentError(
      'now',
      `Option now must be a function that returns milliseconds since 1970, got ${describeValue(now)}`,
    );
  for (const [name, value] of Object.entries(numbers))
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw new InvalidArgumentError(
        name,
        `Option ${name} must be an integer from 0 on, got ${describeValue(value)}`,
      );
}
