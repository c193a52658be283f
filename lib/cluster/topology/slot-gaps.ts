import { SLOT_COUNT } from './key-slot.js';
import { monotonicMs } from '../common/timers.js';
import type { ClusterNode, ClusterTopology } from './topology.js';

/**
 * How long slots may be without an owner before that is believed, in ms: longer than a failover takes to be known
 * everywhere.
 */
const FILLED_MS = 3_000;

/**
 * Slots that views say have no owner. In the middle of a failover nodes know that the old primary has none any more,
 * and not yet who has: until then they stay with the one they had, if it still answers. After a while the gap is real.
 */
export class SlotGaps {
  private since: number | undefined = undefined;

  /** Gaps are being filled, so the next view is awaited. */
  get filling(): boolean {
    return this.since !== undefined && monotonicMs() - this.since <= FILLED_MS;
  }

  /** The view to go by. */
  fill(
    view: ClusterTopology,
    earlier: ClusterTopology,
    relied: (primary: ClusterNode) => boolean,
  ): ClusterTopology {
    if (view.coveredSlots === SLOT_COUNT) {
      this.since = undefined;
      return view;
    }
    this.since ??= monotonicMs();
    return this.filling ? view.withGapsFilled(earlier, relied) : view;
  }
}
