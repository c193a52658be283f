import type { PartitionSweep } from '../common/write-options.js';
import type { PartitionKeyOf } from '../decorators/shape.js';

/** Options of `sweepGlobals`. */
export type GlobalSweepOptions = Pick<SweepOptions, 'limit' | 'signal'>;
/** Options of `sweepExpired`. */
export type SweepOptions<E = object> = PartitionSweep<PartitionKeyOf<E>>;
