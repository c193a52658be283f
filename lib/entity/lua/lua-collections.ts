import { ROW_FIELDS } from '../keys/stored-names.js';

/**
 * Runs commands on a collection's key. A command that fails in the middle of a script leaves earlier writes behind, so
 * all commands are checked before the first one runs. Needs `LUA_COUNTER`.
 */
export const LUA_COLLECTIONS = String.raw`
-- Reads calls from a place in ARGV on (command, n, n arguments). Returns each with the first and last place of its
-- arguments, and the last place of all.
local function callsFrom(place, count)
  local calls = {}
  for i = 1, count do
    local last = place + 1 + tonumber(ARGV[place + 1])
    calls[i] = { command = ARGV[place], from = place + 2, to = last }
    place = last + 1
  end
  return calls, place - 1
end

-- Returns the fault of the calls on a key: a wrong type, or an increment of a value that is not a number. The key of
-- a new row counts as empty.
local function collectionFault(key, kind, calls, isNew)
  local found = isNew and 'none' or redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then return 'COLLECTION' end
  local values, isEmpty = {}, found == 'none' -- the fields of a hash after the preceding calls
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

-- Returns a reply as a list of strings.
local function partsOf(reply)
  if not reply then return {} end
  if type(reply) == 'number' then return { string.format('%.0f', reply) } end
  if type(reply) == 'string' then return { reply } end
  return reply.ok and { reply.ok } or reply
end

-- Runs calls. Appends the number of parts and the parts of each reply to 'answer'.
local function runCalls(key, calls, answer)
  for _, call in ipairs(calls) do
    local parts = partsOf(redis.call(call.command, key, unpack(ARGV, call.from, call.to)))
    answer[#answer + 1] = tostring(#parts)
    for _, part in ipairs(parts) do answer[#answer + 1] = part end
  end
end

-- Sets when a collection expires: '' leaves the expiry unchanged, '0' means never.
local function expireCollection(key, at)
  if at == '0' then redis.call('PERSIST', key) elseif at ~= '' then redis.call('PEXPIREAT', key, at) end
end

-- Gives a new collection the expiry of its row. If the row has just expired, deletes the collection.
local function expireWithRow(row, key)
  if redis.call('PTTL', key) ~= -1 then return end -- it is empty, or already has an expiry
  local at = redis.call('HGET', row, '${ROW_FIELDS.expiresAt}') or string.format('%.0f', redis.call('PEXPIRETIME', row))
  if at == '-2' then redis.call('UNLINK', key) end
  if string.find(at, '^%d+$') and #at <= 16 then redis.call('PEXPIREAT', key, at) end
end
`;
