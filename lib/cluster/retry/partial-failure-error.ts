import { outcomeOfParts } from './attempt-outcome.js';
import { ClusterError } from '../common/errors.js';

/**
 * A command that went to several nodes failed on some of them. `applied` is false if no part was executed, else
 * `'unknown'`. The errors of the parts say it for each part.
 */
export class PartialFailureError extends ClusterError {
  /** The replies, by node name. */
  declare readonly replies: ReadonlyMap<string, unknown>;
  /** The errors, by node name. */
  readonly errors: ReadonlyMap<string, Error>;
  constructor(command: string, replies: ReadonlyMap<string, unknown>, errors: ReadonlyMap<string, Error>) {
    const failures = [...errors].slice(0, 4).map(([node, error]) => `${node}: ${error.message}`);
    if (errors.size > failures.length) failures.push(`and ${errors.size - failures.length} more`);
    super(
      `${command} failed on ${errors.size} of ${replies.size + errors.size} nodes (${failures.join('; ')})`,
      { code: 'PARTIAL_FAILURE', ...outcomeOfParts(replies.size, errors.values()) },
    );
    this.errors = errors;
    Object.defineProperty(this, 'command', { value: command, enumerable: true });
    // printing or copying the error must not show replies, which are stored values
    Object.defineProperty(this, 'replies', { get: () => replies });
  }
}
