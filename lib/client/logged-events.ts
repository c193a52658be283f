import type { EngineListener } from '../cluster/cluster-engine.js';
import type { ClusterError } from '../cluster/common/errors.js';
import { ClientLog } from '../cluster/logging/client-log.js';
import { engineEvents } from './client-events.js';
import type { ResolvedClusterOptions } from '../cluster/options/options.js';

/**
 * Returns an engine listener that emits the events of a client, and writes its log if the options want one.
 * @param tell emits an event
 */
export function loggedEvents(
  tell: (event: string, ...args: unknown[]) => void,
  options: ResolvedClusterOptions,
): EngineListener {
  const events = engineEvents(tell);
  const { logger } = options;
  if (logger === undefined || options.logging.size === 0) return events;
  const log = new ClientLog({ ...options, logger });
  let ready = false;
  return {
    onState: (state) => {
      ready = state === 'ready';
      if (state === 'connecting') log.start();
      if (ready) log.topology('The client is connected');
      if (state === 'end') {
        log.topology('The client is closed');
        log.stop();
      }
      events.onState(state);
    },
    onNodes: (added, removed) => {
      // until the client is ready, every node is new
      for (const { name, role } of ready ? added : [])
        log.topology(`Node ${name} has joined as a ${role}`, { node: name });
      for (const { name, role } of removed) log.topology(`Node ${name}, a ${role}, has left`, { node: name });
      events.onNodes(added, removed);
    },
    onFailure: (error, node) => {
      const { code } = error as Partial<ClusterError>;
      if (code === 'ANNOUNCED_UNREACHABLE' || code === 'CACHE_UNAVAILABLE')
        log.unsupported(error.message, { node, errorCode: code });
      events.onFailure(error, node);
    },
  };
}
