import { keyIndexes } from '../command-table/command-keys.js';
import type { ResolvedCall } from '../command/resolved-call.js';
import type { Argument } from '../protocol/request-encoder.js';

/** The newest entry of a stream, as XREVRANGE replies. */
type Newest = readonly [readonly [id: Argument, fields: unknown]] | readonly [];
const EMPTY_END = '0-0';

/**
 * Returns the arguments of an XREAD with the ids of the newest entries in place of `$`; undefined for calls
 * without a `$`. A server evaluates `$` when the call arrives, but a leased connection may have to be opened
 * first, and entries added meanwhile belong to the reply. If the call is sent again, its reply starts at the
 * same entry.
 * @param newest returns the newest entry of a stream; if it fails, the server evaluates the `$`
 */
export function withStreamEnds(
  { row, args }: ResolvedCall,
  newest: (key: Argument) => Promise<unknown>,
): Promise<Argument[]> | undefined {
  if (row.name !== 'xread') return undefined;
  const keys = keyIndexes(row, args);
  const streams = keys.filter((index) => isEnd(args[index + keys.length]));
  if (streams.length === 0) return undefined;
  const ended = [...args];
  const reads = streams.map(async (index) => {
    const entries = (await newest(args[index])) as Newest;
    ended[index + keys.length] = entries[0]?.[0] ?? EMPTY_END;
  });
  return Promise.all(reads).then(
    () => ended,
    () => args,
  );
}

function isEnd(id: Argument | undefined): boolean {
  return id !== undefined && String(id) === '$';
}
