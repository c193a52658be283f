import { ROW_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';

/**
 * Frees the value of a unique that a row holds by an entry and does not have: the entry is of an earlier row of the
 * same id, which the server took before it was swept. Answers whether it was so, as text in a list.
 */
export const DISOWN_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the row, the unique hash (~uq)
-- ARGV: 1 the id  2 the entry  n times: a field of the row, and what it holds if the value is the row's
local row, uq = KEYS[1], KEYS[2]
if not redis.call('HGET', row, '${ROW_FIELDS.version}') then return { '0' } end -- a row of others notes nothing
if redis.call('HGET', uq, ARGV[2]) ~= ARGV[1] then return { '1' } end -- it is free by now, or another's
local isOwn = true
for i = 3, #ARGV, 2 do
  if redis.call('HGET', row, ARGV[i]) ~= ARGV[i + 1] then isOwn = false end
end
if isOwn then return { '0' } end
redis.call('HDEL', uq, ARGV[2])
return { '1' }
`);
