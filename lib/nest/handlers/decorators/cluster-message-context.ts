import type { ArgumentsHost } from '@nestjs/common';

/** The value of `getType()` in a handler's execution context. */
export const CLUSTER_MESSAGE_CONTEXT = 'cluster-message';

/**
 * Returns whether a guard, interceptor or filter handles a pub/sub message. Global ones handle HTTP requests
 * and messages alike. For a message, `context.getArgs()` returns the payload and the `ClusterMessage`.
 */
export function isClusterMessageContext(context: ArgumentsHost): boolean {
  return context.getType<string>() === CLUSTER_MESSAGE_CONTEXT;
}
