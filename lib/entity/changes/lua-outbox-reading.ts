/**
 * Reads the entries of an outbox after a position: the id of the entry that was read last, `0-0` if there was none, or
 * `start`. Also returns whether entries directly after the position are missing. An entry names the one before it; if
 * there is none, the last one read must still be there, as trimming spares it.
 */
export const LUA_OUTBOX_READING = String.raw`
local function readOutbox(key, from, count)
  local entries = redis.call('XRANGE', key, from == 'start' and '-' or '(' .. from, '+', 'COUNT', count)
  local first = entries[1]
  if from == 'start' then return entries, false end
  if first then return entries, first[2][2] ~= from end
  return entries, from ~= '0-0' and #redis.call('XRANGE', key, from, from) == 0
end

local function appendEntries(answer, entries)
  for _, entry in ipairs(entries) do
    answer[#answer + 1] = entry[1]
    answer[#answer + 1] = entry[2]
  end
  return answer
end
`;
