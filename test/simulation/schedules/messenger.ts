import type { ClusterClient } from '../../../lib/client/cluster-client.js';
import { ClusterError } from '../../../lib/cluster/common/errors.js';
import { messageFaults, type DeclaredGap, type Published } from '../checker/messages.js';
import type { SimulatedCluster } from '../servers/simulated-cluster.js';
import { slotOf } from '../servers/slot-rules.js';
import type { World } from '../servers/world.js';
import { EPOCH } from '../time/virtual-runtime.js';
import type { Publication } from './schedule.js';

/** The errors that publishing may end with while servers fail. */
const EXPECTED: ReadonlySet<string> = new Set(['DEADLINE_EXCEEDED', 'OUTCOME_UNKNOWN']);

/** How long a message may take to all subscribers while nothing is wrong, in ms. */
const DELIVERY_MS = 1_000;

/** What one client publishes to one channel: one message after the other. */
interface Sequence {
  readonly channel: string;
  readonly client: number;
  readonly published: Published[];
  /** Resolves when the last message has been published, or not. */
  last: Promise<void>;
}

/** Publishes messages, subscribes with every client to every channel, and checks what arrives. */
export class Messenger {
  /** What a caller must never see, one line each. */
  readonly faults: string[] = [];
  private readonly sequences = new Map<string, Sequence>();
  /** The numbers that arrived, by sequence and subscriber. */
  private readonly received = new Map<string, number[]>();
  private readonly gaps = new Map<string, DeclaredGap[]>();
  private serial = 0;
  private pending = 0;

  constructor(
    private readonly clients: readonly ClusterClient[],
    private readonly cluster: SimulatedCluster,
    private readonly world: World,
    private readonly channels: readonly string[],
  ) {}

  /** How many messages are being published. */
  get open(): number {
    return this.pending;
  }

  /** Subscribes all clients. Resolves when their servers have confirmed it. */
  async subscribe(): Promise<void> {
    if (this.channels.length === 0) return;
    for (const [place, { pubsub }] of this.clients.entries()) {
      for (const channel of this.channels) {
        const messages = isSharded(channel)
          ? pubsub.sharded(channel, { codec: 'text' })
          : pubsub.channel(channel, { codec: 'text' });
        messages.subscribe({
          next: ({ payload }) => this.receive(place, channel, payload),
          error: (error) => this.faults.push(`the subscription to ${channel} failed: ${String(error)}`),
        });
      }
      pubsub.gaps$.subscribe(({ names, since, until, reason }) => {
        for (const name of names) {
          this.world.trace(`client ${place}`, 'gap', `${String(name)} ${since} ${until} ${reason}`);
          listAt(this.gaps, `${String(name)} ${place}`).push({
            since: since - EPOCH,
            until: until - EPOCH + 1,
          });
        }
      });
    }
    await Promise.all(this.clients.map(({ pubsub }) => pubsub.ready()));
  }

  /** Publishes a message after those that its client has published to that channel before. */
  publish({ client, channel }: Omit<Publication, 'at'>): void {
    const key = `${channel} ${client}`;
    let sequence = this.sequences.get(key);
    if (sequence === undefined)
      this.sequences.set(key, (sequence = { channel, client, published: [], last: Promise.resolve() }));
    const { published, last } = sequence;
    this.pending++;
    sequence.last = last
      .then(() => this.publishNow(client, channel, published))
      .finally(() => this.pending--);
  }

  /** Publishes to each channel once more. Returns whether everybody has received it, once that is known. */
  async checkRecovery(pass: (ms: number, isDone: () => boolean) => Promise<void>): Promise<void> {
    await pass(2 * DELIVERY_MS, () => this.pending === 0);
    if (this.pending > 0) this.faults.push('messages are still being published');
    const numbers = new Map(this.channels.map((channel) => [channel, this.serial + 1]));
    for (const channel of this.channels) {
      this.publish({ client: 0, channel });
      numbers.set(channel, this.serial + 1);
      await pass(DELIVERY_MS, () => this.pending === 0);
      const number = this.serial;
      const hasArrived = (): boolean =>
        this.clients.every(
          (_, place) => this.received.get(`${channel} 0 ${place}`)?.includes(number) === true,
        );
      await pass(DELIVERY_MS, hasArrived);
      if (!hasArrived())
        this.faults.push(
          `message ${number} to ${channel}, sent after the cluster has recovered, does not arrive`,
        );
    }
  }

  /** Reports messages that are missing without a gap, came twice, or out of order. */
  check(): void {
    for (const { channel, client, published } of this.sequences.values()) {
      const owed = published.map((message) =>
        this.mayBeLost(channel, message) ? { ...message, confirmedAt: undefined } : message,
      );
      for (const place of this.clients.keys()) {
        const received = this.received.get(`${channel} ${client} ${place}`) ?? [];
        const gaps = this.gaps.get(`${channel} ${place}`) ?? [];
        const areSwapped = (earlier: number, later: number): boolean =>
          this.cluster.routes.areSwapped(channel, `${client} ${earlier}`, `${client} ${later}`);
        const reachedOnce = (number: number): boolean =>
          this.cluster.routes.reachedOnce(channel, `${client} ${number}`);
        for (const fault of messageFaults({ published: owed, received, gaps, areSwapped, reachedOnce }))
          this.faults.push(`subscriber ${place} of ${channel}, publisher ${client}: ${fault}`);
      }
    }
  }

  private async publishNow(client: number, channel: string, published: Published[]): Promise<void> {
    const number = ++this.serial;
    const { pubsub } = this.clients[client];
    const { time } = this.world;
    const message = { number, calledAt: time.now, confirmedAt: undefined };
    published.push(message);
    const payload = `${client} ${number}`;
    try {
      if (isSharded(channel)) await pubsub.publishSharded(channel, payload, { codec: 'text' });
      else await pubsub.publish(channel, payload, { codec: 'text' });
      published[published.indexOf(message)] = { ...message, confirmedAt: time.now };
    } catch (error) {
      if (!(error instanceof ClusterError) || !EXPECTED.has(error.code))
        this.faults.push(`message ${number} to ${channel} failed: ${String(error)}`);
    }
  }

  private receive(place: number, channel: string, payload: string): void {
    this.world.trace(`client ${place}`, 'receives', `${channel} ${payload}`);
    const [client, number] = payload.split(' ');
    listAt(this.received, `${channel} ${client} ${place}`).push(Number(number));
  }

  /** Whether servers may have lost a message on its way from node to node, or its node was no longer one of the cluster's. */
  private mayBeLost(channel: string, { number, calledAt, confirmedAt = Infinity }: Published): boolean {
    const { bus, losses } = this.cluster;
    const isLostOnBus = bus.lost.some(
      (lost) => lost.channel === channel && lost.payload.endsWith(` ${number}`),
    );
    return (
      isLostOnBus ||
      losses.losses.some(
        ({ owns, from, to = Infinity }) => owns(slotOf(channel)) && from <= confirmedAt && calledAt <= to,
      )
    );
  }
}

const isSharded = (channel: string): boolean => channel.startsWith('s');

function listAt<T>(map: Map<string, T[]>, key: string): T[] {
  let list = map.get(key);
  if (list === undefined) map.set(key, (list = []));
  return list;
}
