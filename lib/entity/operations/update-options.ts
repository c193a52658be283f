import type { WriteOptions } from '../common/write-options.js';
import type { Demand } from '../decorators/shape.js';

/** Options of `update`. */
export interface UpdateOptions<E = object> extends WriteOptions {
  /** The version that the row must have. */
  ifVersion?: number;
  /** Values that the row's properties must have now; null means no value. The write checks them atomically. */
  where?: Demand<E>;
}
