import type { ClusterClient } from '../../client/cluster-client.js';
import type { ClusterStats } from '../../cluster/stats/cluster-stats.js';
import { shownCode } from '../../cluster/stats/counts.js';
import { ClusterTopology, type ClusterNode } from '../../cluster/topology/topology.js';
import type { LogLine } from '../state/dashboard-state.js';
import { addedByName } from './client-sampler.js';
import { describeChange } from './topology-report.js';

/** How many lines are kept. */
const KEPT = 200;
/** The shortest time between two lines about the same, in ms: in an outage, all calls fail. */
const INTERVAL_MS = 10_000;

/** What has not been written yet of one kind of lines. */
interface Sum {
  readonly level: LogLine['level'];
  readonly textOf: (count: number) => string;
  count: number;
  shownAt: number;
}

/**
 * What happened to a client since the application started. Listening to events of the client costs nothing between
 * them, so it goes on while nobody watches, until the client is closed.
 */
export class EventLog {
  private readonly lines: LogLine[] = [];
  private nextId = 1;
  private readonly sums = new Map<string, Sum>();

  constructor(client: ClusterClient) {
    let topology = ClusterTopology.empty();
    client.topology$.subscribe((next) => {
      for (const { level, text } of describeChange(topology, next)) this.add(level, text);
      topology = next;
    });
    client.pubsub.gaps$.subscribe(({ kind, names, node, reason, since, until }) => {
      const what = `${plural(names.length, `${kind} subscription`)} on ${node}`;
      this.add('warn', `Messages may be missing: ${what} interrupted for ${until - since} ms (${reason})`);
    });
    client.on('node error', (error: Error & { code?: unknown }, node: string) =>
      this.add('warn', `No connection to ${node}: ${shownCode(error.code)}`),
    );
    const addNode =
      (verb: string) =>
      ({ name, role }: ClusterNode): void => {
        // until the client is ready, every node is new
        if (client.status === 'ready') this.add('info', `Node ${name}, a ${role}, has ${verb}`);
      };
    client.on('+node', addNode('joined'));
    client.on('-node', addNode('left'));
  }

  /** The lines after one, oldest first. */
  after(id: number): LogLine[] {
    return this.lines.filter((line) => line.id > id);
  }

  /** Adds what the sums of the client say: calls that failed, redirects, outcomes that are unknown. */
  compare(before: ClusterStats, now: ClusterStats): void {
    const errors = addedByName(before.total.errors, now.total.errors);
    for (const [code, count] of Object.entries(errors))
      if (code !== 'OUTCOME_UNKNOWN')
        this.count(count, 'warn', (sum) => `${plural(sum, 'call')} failed with ${code}`);
    for (const [code, count] of Object.entries(addedByName(before.total.redirects, now.total.redirects)))
      this.count(count, 'info', (sum) => `${plural(sum, 'command')} refused with ${code}, and sent again`);
    const grown = (read: (stats: ClusterStats) => number): number => read(now) - read(before);
    this.count(
      grown(({ total, entities }) => total.unknownOutcomes + entities.unknownOutcomes),
      'error',
      (sum) => `${plural(sum, 'call')} with an unknown outcome`,
    );
    this.count(
      grown(({ topology }) => topology.refreshFailures),
      'warn',
      () => 'No node answers reads of the topology',
    );
    this.count(
      grown(({ pubsub }) => pubsub.dropped),
      'warn',
      (sum) => `${plural(sum, 'message')} dropped by full buffers`,
    );
    this.flush(Date.now());
  }

  /** Adds to the sum of a kind of lines, which `flush` writes. */
  private count(added: number, level: LogLine['level'], textOf: (sum: number) => string): void {
    if (added <= 0) return;
    const kind = textOf(0);
    const sum = this.sums.get(kind) ?? { level, textOf, count: 0, shownAt: -Infinity };
    sum.count += added;
    this.sums.set(kind, sum);
  }

  private flush(now: number): void {
    for (const sum of this.sums.values()) {
      if (sum.count === 0 || now - sum.shownAt < INTERVAL_MS) continue;
      this.add(sum.level, sum.textOf(sum.count));
      sum.count = 0;
      sum.shownAt = now;
    }
  }

  private add(level: LogLine['level'], text: string): void {
    this.lines.push({ id: this.nextId++, at: Date.now(), level, text });
    if (this.lines.length > KEPT) this.lines.shift();
  }
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
