import type { Redis } from 'ioredis';
import { within } from '../../cluster/common/within.js';
import type { NodeInfo, NodeState } from '../state/dashboard-state.js';
import { parseNodeInfo } from './node-info.js';

/** How long a node may take to answer, in ms. */
const TIMEOUT_MS = 1_500;
/** How long a frozen node may take to close its end of a connection, in ms. */
const DISCONNECT_MS = 100;
/** How CLIENT LIST names the connections of the dashboard. */
const CONNECTION_NAME = 'keyslot-dashboard';

const SECTIONS = ['server', 'memory', 'stats', 'replication'];

/** How a node answered. */
export interface NodeAnswer {
  readonly state: NodeState;
  readonly info: NodeInfo;
}

/** What the first word of an error says of a node. Any other error reply is an answer, too. */
const STATES: Readonly<Record<string, NodeState>> = {
  NOAUTH: 'refused',
  WRONGPASS: 'refused',
  NOPERM: 'forbidden',
  LOADING: 'loading',
  BUSY: 'busy',
  MASTERDOWN: 'loading',
};

/** A node did not answer in time. It never leaves this file. */
class SilentNodeError extends Error {}

/**
 * A connection of the dashboard's own to one node. It is in no figure of the client, disturbs none of its calls, and
 * fails apart from them.
 */
export class NodeProbe {
  private readonly redis: Redis;
  private failure: Error | undefined = undefined;
  /** It has failed or was closed: a new one takes its place. */
  ended = false;

  /** @param template a client of the node, which is copied with its credentials */
  constructor(template: Redis) {
    // not assigned at once: the compiler would take long to infer the type of the copy from that of the field
    const copy = template.duplicate({
      connectionName: CONNECTION_NAME,
      connectTimeout: TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_MS,
    });
    this.redis = copy;
    this.redis.on('error', (error: Error) => (this.failure = error));
    this.redis.once('end', () => (this.ended = true));
  }

  /** Asks the node for its figures. Never rejects. */
  async read(): Promise<NodeAnswer> {
    try {
      return { state: 'ok', info: parseNodeInfo(String(await this.call('info', ...SECTIONS))) };
    } catch (error) {
      const state = this.stateAfter(error as Error);
      if (state !== 'forbidden') this.close();
      return { state, info: {} };
    }
  }

  /** Returns the slots on which the node has spent most CPU time, in µs; undefined if it does not count them. */
  async busiestSlots(limit: number): Promise<ReadonlyMap<number, number> | undefined> {
    try {
      const words = ['slot-stats', 'orderby', 'cpu-usec', 'limit', String(limit), 'desc'];
      return parseSlotStats(await this.call('cluster', ...words));
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.ended = true;
    // after the end, ioredis would still start a timer
    if (this.redis.status !== 'end') this.redis.disconnect();
  }

  private call(name: string, ...words: string[]): Promise<unknown> {
    return within(TIMEOUT_MS, this.redis.call(name, ...words), () => {
      throw new SilentNodeError();
    });
  }

  private stateAfter(error: Error): NodeState {
    if (error instanceof SilentNodeError) return 'silent';
    // ioredis rejects calls with "Connection is closed", and says before why
    const [word] = (this.failure ?? error).message.split(' ', 1);
    return Object.hasOwn(STATES, word) ? STATES[word] : 'unreachable';
  }
}

/** Reads a reply of CLUSTER SLOT-STATS: pairs of a slot and its figures. */
function parseSlotStats(reply: unknown): Map<number, number> | undefined {
  const found = new Map<number, number>();
  for (const [slot, figures] of reply as [number, unknown[]][]) {
    const at = figures.findIndex((name) => String(name) === 'cpu-usec');
    if (at === -1) return undefined;
    found.set(Number(slot), Number(figures[at + 1]));
  }
  return found;
}
