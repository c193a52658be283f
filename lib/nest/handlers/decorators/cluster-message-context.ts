import type { ArgumentsHost } from '@nestjs/common';

/** What `getType()` of a handler's execution context says. */
export const CLUSTER_MESSAGE_CONTEXT = 'cluster-message';

/**
 * Whether a guard, interceptor or filter deals with a message of a channel: those that are global see HTTP requests and
 * messages alike. `context.getArgs()` is then the payload and the `ClusterMessage`.
 */
export function isClusterMessageContext(context: ArgumentsHost): boolean {
  return context.getType<string>() === CLUSTER_MESSAGE_CONTEXT;
}
