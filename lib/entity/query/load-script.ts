import { INDEX_LISTS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';

/**
 * Reads all rows of some classes in a partition at one moment, if their indexes are unchanged since the caller read
 * them.
 *
 * Returns a list of rows, each a list of alternating fields and values, or `'CHANGED'`.
 */
export const LOAD_SCRIPT = new Script(
  String.raw`#!lua flags=no-writes
-- KEYS: the indexes (~ix), then the rows
-- ARGV: 1 number of indexes, then for each: 'number of its rows' 'digest of their entries'
local indexes = tonumber(ARGV[1])
for i = 1, indexes do
  local parts = {}
  local limit = tonumber(ARGV[2 * i]) + 1
  for _, entry in ipairs(redis.call('ZRANGEBYLEX', KEYS[i], '[${INDEX_LISTS.rows}\0', '(${INDEX_LISTS.rows}\1', 'LIMIT', 0, limit)) do
    parts[#parts + 1] = #entry .. ':' .. entry
  end
  if redis.sha1hex(table.concat(parts)) ~= ARGV[2 * i + 1] then return 'CHANGED' end
end
local rows = {}
for i = indexes + 1, #KEYS do rows[i - indexes] = redis.call('HGETALL', KEYS[i]) end
return rows
`,
  true,
);
