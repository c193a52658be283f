import { Script } from '../cluster/script.js';

/**
 * Takes away index entries whose row is gone, as long as it is. Answers how many there were, as text in a list.
 */
export const CLEAR_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the row, the index (~ix), the unique hash (~uq)
-- ARGV: 1 the id  2 number of entries in the index, then those entries, then the entries in the unique hash
local row, ix, uq = KEYS[1], KEYS[2], KEYS[3]
local lastOfIndex = 2 + tonumber(ARGV[2])
if redis.call('EXISTS', row) == 1 then return { '0' } end
local cleared = 0
for i = 3, lastOfIndex do cleared = cleared + redis.call('ZREM', ix, ARGV[i]) end
for i = lastOfIndex + 1, #ARGV do
  if redis.call('HGET', uq, ARGV[i]) == ARGV[1] then cleared = cleared + redis.call('HDEL', uq, ARGV[i]) end
end
return { tostring(cleared) }
`);
