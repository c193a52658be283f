import type { Reply } from '../../cluster/protocol/reply.js';
import type { UnsubscribeWord } from '../subscriptions/subscription-kind.js';

/** A command whose answer is outstanding: one reply, or a confirmation for each name. */
export interface InFlightCommand {
  readonly word: string;
  /** The names to confirm, as byte text. */
  readonly names: readonly string[];
  confirmed: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Commands whose confirmation is ambiguous. If a slot moves, the server ends its subscriptions with the same
 * words in which it confirms an unsubscribe, and then answers the command with an error.
 */
export const FENCED: ReadonlySet<string> = new Set<UnsubscribeWord>(['sunsubscribe']);

/** Whether the server has confirmed all names of a command. */
export const isFullyConfirmed = ({ confirmed, names }: InFlightCommand): boolean =>
  confirmed === names.length;
