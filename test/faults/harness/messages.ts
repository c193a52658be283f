import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterClient, SubscriptionGap } from 'keyslot';
import type { Subscription } from 'rxjs';

const PAUSE_MS = 20;
/** Clocks of one machine, read at both ends of a call. */
const SLACK_MS = 50;
let series = 0;

interface Publication {
  readonly number: number;
  readonly from: number;
  until: number;
}

/** What became of the messages. */
export interface MessageFigures {
  readonly published: number;
  /** Published, answered, not received, and in no gap that was told. */
  readonly missed: number;
  /** Not received, and told as a gap. */
  readonly inGaps: number;
  readonly gaps: number;
}

/** Numbers published to a channel, and what a subscriber gets of them. */
class Stream {
  private readonly published: Publication[] = [];
  private readonly received = new Set<number>();
  private number = 0;
  private readonly subscription: Subscription;

  constructor(
    readonly kind: 'channel' | 'sharded',
    private readonly name: string,
    private readonly client: ClusterClient,
  ) {
    this.subscription = client.pubsub[kind]<number>(name).subscribe(({ payload }) =>
      this.received.add(payload),
    );
  }

  async publishOne(): Promise<void> {
    const publication = { number: this.number++, from: Date.now(), until: Infinity };
    const { pubsub } = this.client;
    const publish = (): Promise<unknown> =>
      this.kind === 'sharded'
        ? pubsub.publishSharded(this.name, publication.number)
        : pubsub.publish(this.name, publication.number);
    // what was not answered was not promised to anybody
    await publish().then(
      () => {
        publication.until = Date.now();
        this.published.push(publication);
      },
      () => {},
    );
  }

  end(): void {
    this.subscription.unsubscribe();
  }

  get hasLast(): boolean {
    const last = this.published.at(-1);
    return last !== undefined && this.received.has(last.number);
  }

  account(gaps: readonly SubscriptionGap[]): Omit<MessageFigures, 'gaps'> {
    const own = gaps.filter(({ kind, names }) => kind === this.kind && names.includes(this.name));
    const absent = this.published.filter(({ number }) => !this.received.has(number));
    const told = absent.filter(({ from, until }) =>
      own.some((gap) => from <= gap.until + SLACK_MS && until >= gap.since - SLACK_MS),
    );
    return {
      published: this.published.length,
      missed: absent.length - told.length,
      inGaps: told.length,
    };
  }
}

/** Subscriptions of both kinds, in several slots, with a publisher each. */
export class Messages {
  private readonly gaps: SubscriptionGap[] = [];
  private readonly streams: readonly Stream[];
  private readonly gapSubscription: Subscription;
  private readonly stopping = new AbortController();
  private publishers: Promise<void>[] = [];

  private constructor(
    client: ClusterClient,
    private readonly pauseMs: number,
  ) {
    this.gapSubscription = client.pubsub.gaps$.subscribe((gap) => this.gaps.push(gap));
    const name = `faults-${process.pid}x${series++}`;
    this.streams = (['channel', 'sharded'] as const).flatMap((kind) =>
      ['{a}', '{b}', '{c}'].map((tag) => new Stream(kind, `${name}${kind}${tag}`, client)),
    );
  }

  /** @param pauseMs how long each publisher pauses after a message, in ms */
  static async start(client: ClusterClient, pauseMs = PAUSE_MS): Promise<Messages> {
    const messages = new Messages(client, pauseMs);
    await client.pubsub.ready();
    messages.publishers = messages.streams.map((stream) => messages.keepPublishing(stream));
    return messages;
  }

  async stop(): Promise<MessageFigures> {
    this.stopping.abort();
    await Promise.all(this.publishers);
    // what is to come has come when a message published now has
    const end = performance.now() + 15_000;
    while (!this.streams.every(({ hasLast }) => hasLast) && performance.now() < end) {
      await Promise.all(this.streams.map((stream) => stream.publishOne()));
      await delay(PAUSE_MS);
    }
    const accountsNow = (): ReturnType<Stream['account']>[] =>
      this.streams.map((stream) => stream.account(this.gaps));
    // a gap is told once it is over, which may be after messages flow again: replicas pass them on, too
    while (accountsNow().some(({ missed }) => missed > 0) && performance.now() < end) await delay(PAUSE_MS);
    const accounts = accountsNow();
    for (const stream of this.streams) stream.end();
    this.gapSubscription.unsubscribe();
    const sum = (of: (account: (typeof accounts)[0]) => number): number =>
      accounts.reduce((total, account) => total + of(account), 0);
    return {
      published: sum(({ published }) => published),
      missed: sum(({ missed }) => missed),
      inGaps: sum(({ inGaps }) => inGaps),
      gaps: this.gaps.length,
    };
  }

  private async keepPublishing(stream: Stream): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await stream.publishOne();
      await delay(this.pauseMs);
    }
  }
}
