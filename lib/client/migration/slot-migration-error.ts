import { ClusterError } from '../../cluster/common/errors.js';

/** Why slots were not moved. */
export type SlotMigrationErrorCode = 'SLOT_IN_MIGRATION' | 'SLOT_MIGRATION_FAILED';

/**
 * Slots could not be moved: they are on their way to another node, or the servers gave up. Slots that arrived before
 * stay where they are; the same call moves the rest.
 */
export class SlotMigrationError extends ClusterError {
  declare readonly code: SlotMigrationErrorCode;
  constructor(
    code: SlotMigrationErrorCode,
    message: string,
    /** The slots it is about. */
    readonly slots: readonly number[],
  ) {
    super(message, { code, applied: 'unknown' });
  }
}
