import { fateOfParts } from './attempt-outcome.js';
import { ClusterError } from '../common/errors.js';

/**
 * A command that went to several nodes failed on some of them. `applied` is false where each part is certain not to
 * have been executed, else `'unknown'`; the errors of the parts say it of each.
 */
export class PartialFailureError extends ClusterError {
  /** What answered, by node name. */
  declare readonly replies: ReadonlyMap<string, unknown>;
  /** What failed, by node name. */
  readonly errors: ReadonlyMap<string, Error>;
  constructor(command: string, replies: ReadonlyMap<string, unknown>, errors: ReadonlyMap<string, Error>) {
    const failures = [...errors].slice(0, 4).map(([node, error]) => `${node}: ${error.message}`);
    if (errors.size > failures.length) failures.push(`and ${errors.size - failures.length} more`);
    super(
      `${command} failed on ${errors.size} of ${replies.size + errors.size} nodes (${failures.join('; ')})`,
      { code: 'PARTIAL_FAILURE', ...fateOfParts(replies.size, errors.values()) },
    );
    this.errors = errors;
    // whoever prints or copies the error shows no replies, which are values
    Object.defineProperty(this, 'replies', { get: () => replies });
  }
}
