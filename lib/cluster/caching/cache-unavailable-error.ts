import { ClusterError } from '../common/errors.js';

/**
 * A node does not let the client keep replies, or not for long; reads go to the node as if there was no cache. Emitted as
 * `error`, and logged; never thrown by a call.
 */
export class CacheUnavailableError extends ClusterError {
  constructor(node: string, reason: string, code?: string) {
    super(
      `The cache cannot be used as configured for ${node}: ${reason}${code === undefined ? '' : ` (${code})`}`,
      {
        code: 'CACHE_UNAVAILABLE',
      },
    );
  }
}
