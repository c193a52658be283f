import { ReplyError } from '../common/errors.js';
import { redactReply } from '../diagnostics/redact-reply.js';

/**
 * Returns the error for an error reply. It has no stack trace, which would only show the parser, and would take
 * longer than everything else about the reply.
 */
export function toReplyError(text: string): ReplyError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new ReplyError(redactReply(text));
  Error.stackTraceLimit = limit;
  return error;
}
