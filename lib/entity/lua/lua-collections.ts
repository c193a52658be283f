import { ROW_FIELDS } from '../keys/stored-names.js';

/**
 * Lua that runs commands on a collection's key. Such a command could fail in the middle of a script, whose earlier
 * writes would stay: so all of them are checked before the first is run. It needs `sumOf`.
 */
export const LUA_COLLECTIONS = String.raw`
-- The calls from a place of ARGV on (command, n, n arguments), as the first and last place of each one's arguments;
-- and the last place of all.
local function callsFrom(place, count)
  local calls = {}
  for i = 1, count do
    local last = place + 1 + tonumber(ARGV[place + 1])
    calls[i] = { command = ARGV[place], from = place + 2, to = last }
    place = last + 1
  end
  return calls, place - 1
end

-- What forbids the calls on a key: its type, or an increment of what is no number. A new row's key is empty before.
local function collectionFault(key, kind, calls, isNew)
  local found = isNew and 'none' or redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then return 'COLLECTION' end
  local values, isEmpty = {}, found == 'none' -- what the fields of a hash will be when the calls before have run
  for _, call in ipairs(calls) do
    if call.command == 'UNLINK' then values, isEmpty = {}, true end
    if call.command == 'HSET' then
      for i = call.from, call.to, 2 do values[ARGV[i]] = ARGV[i + 1] end
    elseif call.command == 'HDEL' then
      for i = call.from, call.to do values[ARGV[i]] = false end
    elseif call.command == 'HINCRBY' then
      local field = ARGV[call.from]
      local value = values[field]
      if value == nil then value = not isEmpty and redis.call('HGET', key, field) end
      local sum, fault, by = sumOf(value, ARGV[call.from + 1])
      if fault then return fault == 'RANGE' and fault or 'COLLECTION' end
      values[field], ARGV[call.from + 1] = sum, by
    end
  end
end

-- An answer as a list of text.
local function partsOf(reply)
  if not reply then return {} end
  if type(reply) == 'number' then return { string.format('%.0f', reply) } end
  if type(reply) == 'string' then return { reply } end
  return reply.ok and { reply.ok } or reply
end

-- Runs calls, and appends to 'answer' for each the number of parts of its answer and the parts.
local function runCalls(key, calls, answer)
  for _, call in ipairs(calls) do
    local parts = partsOf(redis.call(call.command, key, unpack(ARGV, call.from, call.to)))
    answer[#answer + 1] = tostring(#parts)
    for _, part in ipairs(parts) do answer[#answer + 1] = part end
  end
end

-- Sets when a collection expires, with its row: '' keeps it, '0' is never.
local function expireCollection(key, at)
  if at == '0' then redis.call('PERSIST', key) elseif at ~= '' then redis.call('PEXPIREAT', key, at) end
end

-- A collection that has come into being expires with its row; at once, if the row was written to be past.
local function expireWithRow(row, key)
  if redis.call('PTTL', key) ~= -1 then return end -- it is empty, or has its time already
  local at = redis.call('HGET', row, '${ROW_FIELDS.expiresAt}') or string.format('%.0f', redis.call('PEXPIRETIME', row))
  if at == '-2' then redis.call('UNLINK', key) end
  if string.find(at, '^%d+$') and #at <= 16 then redis.call('PEXPIREAT', key, at) end
end
`;
