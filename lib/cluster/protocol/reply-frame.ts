import type { Reply } from './reply.js';

/**
 * What happens to an aggregate when its last item has arrived: an attribute is dropped, a push goes to its own
 * handler, a map becomes an object.
 */
export type ReplyFrameKind = 'reply' | 'map' | 'push' | 'attribute';

/** An array, map, set, push or attribute whose items are still arriving. Frames link to the one around them. */
export class ReplyFrame {
  // grows with the items that arrive, as the length is only an announcement
  readonly items: Reply[] = [];

  constructor(
    readonly kind: ReplyFrameKind,
    /** The number of items still to come. */
    public remaining: number,
    readonly parent: ReplyFrame | undefined,
  ) {}
}
