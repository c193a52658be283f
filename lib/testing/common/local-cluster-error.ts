import { ClusterError, type ClusterErrorOptions } from '../../cluster/common/errors.js';

/** What went wrong with a local cluster. */
export type LocalClusterErrorCode =
  | 'SERVER_NOT_FOUND'
  | 'OPENSSL_FAILED'
  | 'NO_FREE_PORT'
  | 'START_FAILED'
  | 'PORT_TAKEN'
  | 'NOT_REACHED'
  | 'STOPPED';

/** A local cluster could not be started, or did not get to the state that was waited for. */
export class LocalClusterError extends ClusterError {
  declare readonly code: LocalClusterErrorCode;
  constructor(code: LocalClusterErrorCode, message: string, options?: ClusterErrorOptions) {
    super(message, { code }, options);
  }
}
