import { ROW_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';

/**
 * Frees a unique value if the row that holds it no longer has it: the entry belongs to an earlier row with the same
 * id, which the server deleted before it was swept. Returns `'1'` if the value is free for the caller, else `'0'`.
 */
export const DISOWN_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the row, the unique hash (~uq)
-- ARGV: 1 the id  2 the entry  n times: a field of the row, and the value it has if the entry belongs to the row
local row, uq = KEYS[1], KEYS[2]
if not redis.call('HGET', row, '${ROW_FIELDS.version}') then return { '0' } end -- other programs store no encodings
if redis.call('HGET', uq, ARGV[2]) ~= ARGV[1] then return { '1' } end -- it is already free, or another row holds it
local isOwn = true
for i = 3, #ARGV, 2 do
  if redis.call('HGET', row, ARGV[i]) ~= ARGV[i + 1] then isOwn = false end
end
if isOwn then return { '0' } end
redis.call('HDEL', uq, ARGV[2])
return { '1' }
`);
