/** The result of one entry: an error or null, and the reply. */
export type BatchResult = [error: Error | null, reply: unknown];

/** What results are copied from: V8 may decide to create array literals among its old objects, which keep replies. */
const NO_ERROR: BatchResult = [null, undefined];

/** Makes the result of an entry: a list of an error or null, and the reply. */
export function asResult(reply: unknown, error: Error | null): BatchResult {
  const result = NO_ERROR.slice() as BatchResult;
  if (error === null) result[1] = reply;
  else result[0] = error;
  return result;
}

/** Makes the result of an entry: the reply, or the error in its place. */
export const asReply = (reply: unknown, error: Error | null): unknown => error ?? reply;
