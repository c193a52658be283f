import { clearTimeout, setTimeout } from '../../cluster/common/timers.js';
import { Observable, share, Subscription } from 'rxjs';
import type { ClusterTopology } from '../../cluster/topology/topology.js';
import type { ChannelName, NameForm } from '../subscriptions/cluster-message.js';
import { missingClasses } from './keyspace-classes.js';
import { KeyspacePrimaries } from './keyspace-primaries.js';
import { KeyspaceEventsOffError } from '../common/pubsub-errors.js';
import type { PubSubEngine } from '../common/pubsub-engine.js';
import type { Reconciler } from '../links/reconciler.js';
import { formsByKey, type SubscriptionName } from '../subscriptions/subscription-name.js';
import type { Attachment } from '../subscriptions/subscription-registry.js';
import type { Topic, TopicSink } from '../subscriptions/topic.js';

/** An event of a key. */
export interface KeyspaceEvent<N extends ChannelName = string> {
  /** The key, a string or a Buffer like the pattern. */
  readonly key: NameForm<N>;
  /** The name of the event in Redis: `set`, `del`, `expired`, … */
  readonly event: string;
  /** The primary that published it, `host:port`. */
  readonly node: string;
  /** When it arrived, in ms since 1970. */
  readonly receivedAt: number;
}

/** Creates observables of keyspace events, subscribed to at every primary of the current topology. */
export class KeyspaceStreams {
  constructor(
    private readonly engine: PubSubEngine,
    private readonly reconciler: Reconciler,
  ) {}

  /** @param events the events wanted; undefined for all */
  observe(
    patterns: readonly SubscriptionName[],
    events: ReadonlySet<string> | undefined,
  ): Observable<KeyspaceEvent<ChannelName>> {
    const forms = formsByKey(patterns);
    return new Observable<KeyspaceEvent<ChannelName>>((subscriber) => {
      const sink: TopicSink = {
        onMessage: ({ name, home }, message) => {
          const event = message.payload().toString();
          if (events !== undefined && !events.has(event)) return;
          const key = typeof forms.get(name.key) === 'string' ? message.channelText() : message.channel();
          subscriber.next({ key, event, node: home as string, receivedAt: message.receivedAt });
        },
        settingError: ({ home }, flags) => {
          const lacking = missingClasses(flags, events);
          return lacking === '' ? undefined : new KeyspaceEventsOffError(home as string, lacking);
        },
        // gaps of keyspace events are reported by `gaps$` only
        onGap: () => {},
        onError: (error) => subscriber.error(error),
        onClosed: () => subscriber.complete(),
      };
      return this.attachAtPrimaries(patterns, sink);
    }).pipe(share());
  }

  /** Attaches a sink at every primary, now and after every change of the topology. */
  private attachAtPrimaries(patterns: readonly SubscriptionName[], sink: TopicSink): Subscription {
    const subscription = new Subscription();
    const attached = new Map<string, Attachment>();
    const primaries = new KeyspacePrimaries();
    let settleTimer: NodeJS.Timeout | undefined;
    let isFirst = true;
    const onTopology = (topology: ClusterTopology): void => {
      const current = primaries.update(topology);
      for (const [name, predecessor] of current) {
        if (attached.has(name)) continue;
        const attachment = this.reconciler.registry.attach('keyspace', patterns, sink, name);
        attached.set(name, attachment);
        if (!isFirst)
          this.inheritLoss(
            attachment,
            name,
            predecessor === undefined ? undefined : attached.get(predecessor),
          );
      }
      for (const [name, attachment] of attached) {
        if (current.has(name)) continue;
        attachment.detach();
        attached.delete(name);
      }
      isFirst = false;
      clearTimeout(settleTimer);
      // if both nodes are primaries after all, the next read of the topology has shown it
      if (primaries.uncertain) settleTimer = setTimeout(settle, this.reconciler.refreshMs).unref();
    };
    const settle = (): void => {
      primaries.settle();
      onTopology(this.engine.topology);
    };
    this.reconciler.start().then(
      () => {
        if (subscription.closed) return;
        subscription.add(
          this.engine.topology$.subscribe({ next: onTopology, complete: () => sink.onClosed() }),
        );
      },
      (error: Error) => sink.onError(error),
    );
    subscription.add(() => {
      clearTimeout(settleTimer);
      attached.forEach((attachment) => attachment.detach());
    });
    return subscription;
  }

  /** A new primary may have been one for a while. Events that its predecessor delivered are not lost. */
  private inheritLoss({ topics }: Attachment, node: string, predecessor: Attachment | undefined): void {
    topics.forEach((topic, i) => {
      if (topic.activeSince !== undefined) return;
      const old = predecessor?.topics[i];
      const since = old === undefined ? this.reconciler.knownSince : intactUntilOf(old);
      if (since !== undefined)
        topic.loss ??= old?.loss ?? { node: old?.home ?? node, since, reason: 'slotMoved' };
    });
  }
}

/** Returns the time until which a topic lost nothing, if it was ever active. */
function intactUntilOf({ activeSince, link, loss }: Topic): number | undefined {
  if (loss !== undefined) return loss.since;
  return activeSince && Math.max(activeSince, link?.intactUntil ?? 0);
}
