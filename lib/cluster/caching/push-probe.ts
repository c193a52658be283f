import { ControlCommand } from '../command/control-command.js';
import { ReplyError } from '../common/errors.js';
import type { Reply } from '../protocol/reply.js';
import type { RequestEncoder } from '../protocol/request-encoder.js';

/**
 * Whether pushes arrive: they do; they are dropped on the way; the user may not ask; or the server speaks RESP2 and
 * pushes nothing.
 */
export type PushOutcome = 'arrive' | 'dropped' | 'unknown' | 'none';

/** A channel to which nobody has subscribed. */
const CHANNEL = 'keyslot:push';
/** How a confirmation begins, be it a push or, in RESP2, a reply. */
const CONFIRMATION = 'unsubscribe';

/**
 * Finds out whether pushes arrive on a new connection: a server confirms UNSUBSCRIBE by a push, and answers the HELLO
 * behind it, which every user may send. A proxy that drops pushes leaves only the answer.
 */
export class PushProbe extends ControlCommand {
  /** The confirmation has arrived. */
  pushed = false;
  private refusal: ReplyError | undefined = undefined;
  private answered = false;

  constructor() {
    super('UNSUBSCRIBE', [CHANNEL]);
  }

  /** That of HELLO, and the confirmation or a refusal in its place. */
  override get replyCount(): number {
    return 2;
  }

  override encode(encoder: RequestEncoder): void {
    super.encode(encoder);
    encoder.append('HELLO', []);
  }

  override receive(reply: Reply): void {
    if (Array.isArray(reply) && String(reply[0]) !== CONFIRMATION) return this.succeed(this.outcome);
    this.answered = true;
    if (reply instanceof ReplyError) this.refusal = reply;
  }

  private get outcome(): PushOutcome {
    if (this.pushed) return 'arrive';
    if (this.refusal !== undefined) return 'unknown';
    return this.answered ? 'none' : 'dropped';
  }
}
