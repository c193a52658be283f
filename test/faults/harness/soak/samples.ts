import { readdirSync } from 'node:fs';
import type { LocalCluster } from 'keyslot/testing';
import type { Series } from './growth.js';

/** What is sampled, and how much of it may be gained over a soak, however long it is. */
const MAY_GROW = {
  /** JavaScript objects, after a garbage collection. */
  'heap MiB': 2,
  /** Memory of Buffers. */
  'buffers MiB': 2,
  /** Memory of the process; what the allocator keeps for later is among it. */
  'resident MiB': 48,
  sockets: 1,
  /** Timers, child processes and everything else that libuv knows of. */
  'other handles': 3,
  'file descriptors': 3,
  /** As the nodes count them. */
  'connections at the nodes': 3,
} as const;

type Quantity = keyof typeof MAY_GROW;

const MIB = 2 ** 20;

/** Samples of this process and of its connections, over the time of a soak. */
export class Samples {
  private readonly startedAt = performance.now();
  private readonly taken: (readonly [hours: number, values: Readonly<Record<Quantity, number>>])[] = [];

  constructor(private readonly cluster: LocalCluster) {}

  get count(): number {
    return this.taken.length;
  }

  /** All quantities, by name. */
  get series(): Series[] {
    return (Object.keys(MAY_GROW) as Quantity[]).map((name) => ({
      name,
      mayGrow: MAY_GROW[name],
      samples: this.taken.map(([hours, values]) => [hours, values[name]] as const),
    }));
  }

  /** Takes one of each. The load must not run. */
  async take(): Promise<void> {
    const connections = await this.connectionsAtNodes();
    globalThis.gc?.();
    globalThis.gc?.();
    const { heapUsed, external, rss } = process.memoryUsage();
    const handles = process.getActiveResourcesInfo();
    const sockets = handles.filter((name) => name.startsWith('TCP')).length;
    const hours = (performance.now() - this.startedAt) / 3_600_000;
    this.taken.push([
      hours,
      {
        'heap MiB': heapUsed / MIB,
        'buffers MiB': external / MIB,
        'resident MiB': rss / MIB,
        sockets,
        'other handles': handles.length - sockets,
        'file descriptors': fileDescriptors(),
        'connections at the nodes': connections,
      },
    ]);
  }

  /** The last sample, for people. */
  get line(): string {
    const [hours, values] = this.taken.at(-1)!;
    const parts = Object.entries(values).map(([name, value]) => `${name} ${Number(value.toFixed(1))}`);
    return `${(hours * 60).toFixed(1)} min: ${parts.join(', ')}`;
  }

  private async connectionsAtNodes(): Promise<number> {
    const infos = await Promise.all(
      this.cluster.nodes.map((node) => this.cluster.command(node, 'INFO', 'clients')),
    );
    return infos.reduce<number>(
      (sum, info) => sum + Number(/^connected_clients:(\d+)/m.exec(String(info))?.[1] ?? 0),
      0,
    );
  }
}

/** Those of this process, where the system tells (Linux); else none. */
function fileDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
