import type { Reply } from '../protocol/reply.js';
import { topologyFromSlots, type AddressRemap } from '../topology/slots-reply.js';
import type { ClusterTopology, NodeAddress } from '../topology/topology.js';

/** More digests than this are dropped: nodes list replicas in orders of their own, but rarely in this many. */
const MAXIMUM_DIGESTS = 32;

/**
 * Reads replies of CLUSTER SLOTS. Recognizes a reply that repeats another one by its digest, so that it is not taken
 * apart and compared again.
 */
export class KnownReplies {
  /** What replies describe, by their digests: the present topology, or a view that differs from it. */
  private readonly views = new Map<string, ClusterTopology>();
  private present: ClusterTopology | undefined = undefined;

  constructor(private readonly remap: AddressRemap | undefined) {}

  /** Returns the view that a reply describes: `present` itself if the view is the same. */
  view(reply: Reply, answeredBy: NodeAddress, present: ClusterTopology): ClusterTopology {
    // a function of the application may map an address to another one than before
    if (this.remap !== undefined) return topologyFromSlots(reply, answeredBy, this.remap);
    if (present !== this.present) this.follow(present);
    const digest = new ReplyDigest(answeredBy.host).of(reply);
    const known = this.views.get(digest);
    if (known !== undefined) return known;
    const view = topologyFromSlots(reply, answeredBy);
    if (this.views.size === MAXIMUM_DIGESTS) this.views.clear();
    const described = view.sameView(present) ? present : view;
    this.views.set(digest, described);
    return described;
  }

  /** Keeps what describes the present topology. */
  private follow(present: ClusterTopology): void {
    this.present = present;
    for (const [digest, view] of this.views) {
      if (view.sameView(present)) this.views.set(digest, present);
      else this.views.delete(digest);
    }
  }
}

/** What precedes each value, so that values of different types and lists of different lengths differ. */
const TYPES = { list: 1, text: 2, integer: 3, host: 4, other: 5 } as const;

/** Two hashes of a reply, side by side. Replies that differ in one number always have different digests. */
class ReplyDigest {
  private first = 0x811c9dc5;
  private second = 0x9747b28c;

  /** @param host the host that empty endpoints of the reply stand for */
  constructor(private readonly host: string) {}

  of(reply: Reply): string {
    this.add(reply);
    return `${this.first} ${this.second}`;
  }

  private add(value: Reply): void {
    if (Array.isArray(value)) {
      this.mix(TYPES.list);
      this.mix(value.length);
      for (const item of value) this.add(item);
    } else if (value === null || value === '') this.addText(TYPES.host, this.host);
    else if (typeof value === 'string') this.addText(TYPES.text, value);
    else if (typeof value === 'number' && (value | 0) === value) {
      this.mix(TYPES.integer);
      this.mix(value);
    } else this.addText(TYPES.other, String(value));
  }

  private addText(type: number, text: string): void {
    this.mix(type);
    this.mix(text.length);
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
  }

  /** Each step is reversible, so a difference of one number does not vanish later. */
  private mix(value: number): void {
    this.first = Math.imul(this.first ^ value, 0x01000193);
    this.second = Math.imul(this.second ^ value, 0x5bd1e995);
  }
}
