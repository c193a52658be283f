import { Script } from '../../cluster/scripts/script.js';

/**
 * Frees a unique value if the row that holds it is gone. Returns the number of values freed, as text in a list.
 */
export const CLEAR_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the row, the unique hash (~uq)
-- ARGV: 1 the id  2 the entry
local row, uq = KEYS[1], KEYS[2]
if redis.call('EXISTS', row) == 1 then return { '0' } end
if redis.call('HGET', uq, ARGV[2]) ~= ARGV[1] then return { '0' } end
return { tostring(redis.call('HDEL', uq, ARGV[2])) }
`);
