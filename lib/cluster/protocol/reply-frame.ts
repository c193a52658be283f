import type { Reply } from './reply.js';

/**
 * What becomes of an aggregate when its last item has come: an attribute is dropped, a push has its own way out, a map
 * becomes an object.
 */
export type ReplyFrameKind = 'reply' | 'map' | 'push' | 'attribute';

/** An array, map, set, push or attribute whose items are still coming; frames link to the one around them. */
export class ReplyFrame {
  // Grows with what really comes: a length is only an announcement.
  readonly items: Reply[] = [];

  constructor(
    readonly kind: ReplyFrameKind,
    /** How many items are still to come. */
    public remaining: number,
    readonly parent: ReplyFrame | undefined,
  ) {}
}
