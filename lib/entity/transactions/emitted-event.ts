import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { toJsonText } from '../../cluster/common/json-text.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { EmittedEvent } from '../operations/outbox.js';

/**
 * Returns an event as it is stored.
 *
 * @param schemas the classes of the partition.
 * @throws InvalidArgumentError
 */
export function emittedEvent(
  schemas: readonly EntitySchema[],
  type: unknown,
  payload: unknown,
): EmittedEvent {
  if (typeof type !== 'string' || type === '')
    throw new InvalidArgumentError(
      'type',
      `The type of an event must be a non-empty string, got ${describeKind(type)}`,
    );
  if (!schemas.some(({ changes }) => changes))
    throw new InvalidArgumentError(
      'tx.emit',
      'No class of the partition records its changes: declare one with @ClusterEntity({ changes: true })',
    );
  const text = payload === undefined ? '' : toJsonText(payload);
  if (text !== undefined) return { type, payload: text };
  throw new InvalidArgumentError(
    'payload',
    `The payload of an event must be a JSON value, got ${describeKind(payload)}`,
  );
}
