import { ReplyError } from '../common/errors.js';
import { redactReply } from './redact-reply.js';

/**
 * The error that a server's refusal is given as. It has no stack trace: that would show the parser only,
 * and take longer than everything else about the reply.
 */
export function toReplyError(text: string): ReplyError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new ReplyError(redactReply(text));
  Error.stackTraceLimit = limit;
  return error;
}
