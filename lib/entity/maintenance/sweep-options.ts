import type { PartitionSweep } from '../common/write-options.js';
import type { PartitionKeyOf } from '../decorators/shape.js';

/** How global indexes are swept. */
export type GlobalSweepOptions = Pick<SweepOptions, 'limit' | 'signal'>;
/** What is swept. */
export type SweepOptions<E = object> = PartitionSweep<PartitionKeyOf<E>>;
