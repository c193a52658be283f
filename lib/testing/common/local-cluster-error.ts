import { ClusterError, type ClusterErrorOptions } from '../../cluster/common/errors.js';

/** What went wrong with a local cluster. */
export type LocalClusterErrorCode =
  | 'SERVER_NOT_FOUND'
  | 'SERVER_TOO_OLD'
  | 'OPENSSL_FAILED'
  | 'NO_FREE_PORT'
  | 'START_FAILED'
  | 'PORT_TAKEN'
  | 'FOLDER_UNUSABLE'
  | 'OTHER_CLUSTER'
  | 'ALREADY_RUNNING'
  | 'NOT_REACHED'
  | 'STOPPED';

/** A local cluster could not be started, or did not get to the state that was waited for. */
export class LocalClusterError extends ClusterError {
  declare readonly code: LocalClusterErrorCode;
  constructor(code: LocalClusterErrorCode, message: string, options?: ClusterErrorOptions) {
    super(message, { code }, options);
  }
}
