import { SLOT_COUNT } from './key-slot.js';
import { monotonicMs } from '../common/timers.js';
import type { ClusterNode, ClusterTopology } from './topology.js';

/**
 * How long slots may lack an owner before the client believes it, in ms: longer than a failover takes to be
 * known everywhere.
 */
const FILLED_MS = 3_000;

/**
 * Slots that have no owner according to views. In the middle of a failover, nodes know that the old primary has
 * no slots any more, but not yet who has. Until then the slots stay with their last owner, if it still replies.
 * After a while the gap counts as real.
 */
export class SlotGaps {
  private since: number | undefined = undefined;

  /** Whether gaps are being filled, so that another view is needed. */
  get filling(): boolean {
    return this.since !== undefined && monotonicMs() - this.since <= FILLED_MS;
  }

  /** Returns the view to use. */
  fill(
    view: ClusterTopology,
    earlier: ClusterTopology,
    isReliable: (primary: ClusterNode) => boolean,
  ): ClusterTopology {
    if (view.coveredSlots === SLOT_COUNT) {
      this.since = undefined;
      return view;
    }
    this.since ??= monotonicMs();
    return this.filling ? view.withGapsFilled(earlier, isReliable) : view;
  }
}
