import type { WriteOptions } from '../common/write-options.js';
import type { Demand } from '../decorators/shape.js';

/** How an update is made. */

export interface UpdateOptions<E = object> extends WriteOptions {
  /** The version that the row must be at. */
  ifVersion?: number;
  /** Values that properties must have now, in the row; null for none. Checked in the step that writes. */
  where?: Demand<E>;
}
