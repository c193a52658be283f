import { Script } from '../../cluster/scripts/script.js';

/**
 * Reads an outbox after a position.
 *
 * Replies `['OK', id, fields, id, fields, …]`, or `['AT', id]` for the position `now`, or `['LOST']` if entries are
 * missing directly after the position.
 */
export const OUTBOX_SCRIPT = new Script(
  String.raw`#!lua flags=no-writes
-- KEYS: the outbox
-- ARGV: 1 the id of the entry that was read last, '0-0' if there was none; 'start', or 'now'  2 the most entries
local key, from = KEYS[1], ARGV[1]
if from == 'now' then
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return { 'AT', last and last[1] or '0-0' }
end
local entries = redis.call('XRANGE', key, from == 'start' and '-' or '(' .. from, '+', 'COUNT', ARGV[2])
if from ~= 'start' then
  local first = entries[1]
  -- An entry names the one before it. If there is none, the last one read must still be there: trimming spares it.
  if first and first[2][2] ~= from then return { 'LOST' } end
  if not first and from ~= '0-0' and #redis.call('XRANGE', key, from, from) == 0 then return { 'LOST' } end
end
local answer = { 'OK' }
for _, entry in ipairs(entries) do
  answer[#answer + 1] = entry[1]
  answer[#answer + 1] = entry[2]
end
return answer
`,
  true,
);
