import { messageChannel } from '../../cluster/diagnostics/channels.js';
import type { KeyslotMessageContext } from '../../cluster/diagnostics/contexts.js';
import { contextOf, errorCodeOf, outcomeOf, traced } from '../../cluster/diagnostics/traced.js';
import type { ClusterMessage } from '../subscriptions/cluster-message.js';
import type { SubscriptionKind } from '../subscriptions/subscription-kind.js';

/** What runs for a message. */
export interface MessageRun {
  /** The class and method, or the pattern of a microservice's handler. */
  readonly handler: string;
  readonly kind: SubscriptionKind;
  readonly message: Omit<ClusterMessage, 'payload'>;
}

/** Reports a failure that does not reject the run, because its caller was answered with it. */
export type NoteFailure = (error: unknown) => void;

/** Runs a handler for a message, and publishes its course to the tracing channel of messages. */
export function traceMessage<T>(
  { handler, kind, message }: MessageRun,
  run: (noteFailure: NoteFailure) => Promise<T>,
): Promise<T> {
  if (!messageChannel.hasSubscribers) return run(() => undefined);
  const { channel, pattern, receivedAt, headers } = message;
  const context: KeyslotMessageContext = {
    ...contextOf({ clientName: undefined }),
    kind,
    handler,
    // the channel of a keyspace event is a key
    channel: kind === 'keyspace' ? undefined : channel,
    pattern,
    receivedAt,
    headers,
  };
  return traced(messageChannel, context, () =>
    run((error) =>
      Object.assign(context, { error, outcome: outcomeOf(error), errorCode: errorCodeOf(error) }),
    ),
  );
}
