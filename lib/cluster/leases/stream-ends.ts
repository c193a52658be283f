import { keyIndexes } from '../command-table/command-keys.js';
import type { ResolvedCall } from '../command/resolved-call.js';
import type { Argument } from '../protocol/request-encoder.js';

/** The newest entry of a stream, as XREVRANGE replies; what a stream without entries ends with. */
type Newest = readonly [readonly [id: Argument, fields: unknown]] | readonly [];
const EMPTY_END = '0-0';

/**
 * The arguments of an XREAD with the ids of the newest entries in place of `$`. A server reads `$` when the call
 * arrives, and a leased connection may have to be opened first; what others add meanwhile belongs to the reply. Where
 * the call is sent again, the reply begins where it would have begun the first time. Undefined for calls without a
 * `$`.
 * @param newest gives the newest entry of a stream; where it fails, the server sees to the `$`
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
