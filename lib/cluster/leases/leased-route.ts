import type { LeaseHost } from './lease-host.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { TopologyError, type ReplyError } from '../common/errors.js';
import { parseRedirect, PROMPT_REDIRECTS } from '../topology/redirect.js';
import { REFUSALS } from '../common/refusals.js';
import { nodeName, type ClusterNode } from '../topology/topology.js';

/** Where an attempt on a leased connection goes. */
export interface Destination {
  readonly node: ClusterNode;
  /** An ASK redirect led here. */
  readonly asking: boolean;
}

/** Finds the nodes for the attempts of one call that runs on leased connections. */
export class LeasedRoute {
  private redirects = 0;

  constructor(
    private readonly host: LeaseHost,
    private readonly slot: number,
    private readonly pinned?: ClusterNode,
  ) {}

  /** The node that was named; else that of the slot, as far as is known. */
  owner(): Destination | undefined {
    const { topology } = this.host;
    const { pinned } = this;
    if (pinned !== undefined) return { node: pinned, asking: false };
    const node = this.slot === NO_SLOT ? topology.defaultNode : topology.nodeForSlot(this.slot);
    return node && { node, asking: false };
  }

  /** Why there is no owner. */
  uncovered(): TopologyError {
    this.host.reportStale();
    return new TopologyError('SLOTS_NOT_COVERED', `No node serves slot ${this.slot} at present`);
  }

  /**
   * Where a refusal sends the call at once. Undefined where it has to wait a moment and then go by the topology, as
   * it has to once it has been redirected several times: then nodes disagree.
   */
  redirect(obstacle: Error, from: ClusterNode | undefined): Destination | undefined {
    const refusal = REFUSALS.get((obstacle as ReplyError).code);
    if (refusal?.refresh) this.host.reportStale();
    if (from === undefined || refusal === undefined) return undefined;
    if (refusal.remedy !== 'moved' && refusal.remedy !== 'ask') return undefined;
    const redirect = parseRedirect(obstacle.message, from);
    if (redirect === undefined || ++this.redirects > PROMPT_REDIRECTS) return undefined;
    const target = this.host.options.addressRemap?.(redirect.target) ?? redirect.target;
    const node = this.host.nodeToFollow(nodeName(target));
    return node && { node, asking: refusal.remedy === 'ask' };
  }
}
