import { ROW_FIELDS } from '../keys/stored-names.js';

/**
 * Lua of what a row holds in global indexes and uniques: its field `~g:<name>` is the token of the write that has made
 * the entry, 12 characters, and behind it the entry's encodings. The fences of a partition are a ZSET of dead tokens
 * by the time they died; it is gone when none was added for as long as they are kept.
 */
export const LUA_FENCE = String.raw`
local FENCE_MS = 120000

local function nowMs()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end

local function isFenced(fences, token)
  return redis.call('ZSCORE', fences, token)
end

local function fence(fences, token)
  local now = nowMs()
  redis.call('ZREMRANGEBYSCORE', fences, '-inf', string.format('%.0f', now - FENCE_MS))
  redis.call('ZADD', fences, string.format('%.0f', now), token)
  redis.call('PEXPIRE', fences, FENCE_MS)
end
`;

/** The part of the commit script, to stand behind its function `take`. */
export const LUA_HOLDS = String.raw`
${LUA_FENCE}
local function takeHolds(o)
  o.holds = {}
  local count = tonumber(take())
  if count == 0 then return end
  o.fences, o.holdsUntil = KEYS[tonumber(take())], tonumber(take())
  for i = 1, count do
    o.holds[i] = { field = '${ROW_FIELDS.hold}' .. take(), how = take(), token = take(), encodings = take() }
  end
end

-- Reads what the row holds. Whether one of the entries is not, or no longer, this write's own.
local function isHoldLost(o)
  if not o.fences then return false end
  redis.call('ZCARD', o.fences) -- fails here, before the first write, if it is no ZSET
  local fields, isLate, isLost = {}, nowMs() > o.holdsUntil, false
  for i, hold in ipairs(o.holds) do fields[i] = hold.field end
  local before = redis.call('HMGET', o.row, unpack(fields))
  for i, hold in ipairs(o.holds) do
    hold.before, hold.after = before[i], hold.how ~= '-' and hold.token .. hold.encodings
    if hold.how == '=' and (o.expired or hold.before ~= hold.after) then isLost = true end
    if hold.how == '+' and (isLate or isFenced(o.fences, hold.token)) then isLost = true end
  end
  return isLost
end

local endedHolds = {} -- for each its operation, its index, and what the row held

local function endHolds(o, place)
  for _, hold in ipairs(o.holds) do
    if hold.before and hold.before ~= hold.after then
      fence(o.fences, string.sub(hold.before, 1, 12))
      for _, value in ipairs({ tostring(place), string.sub(hold.field, ${ROW_FIELDS.hold.length + 1}), hold.before }) do
        endedHolds[#endedHolds + 1] = value
      end
    end
  end
end

-- Writes what a row, which is there, holds from now on.
local function writeHolds(o, place)
  endHolds(o, place)
  for _, hold in ipairs(o.holds) do
    if hold.after then redis.call('HSET', o.row, hold.field, hold.after)
    elseif hold.before then redis.call('HDEL', o.row, hold.field) end
  end
end

-- An empty text in the answer says that what follows is all that this very commit has ended.
local function tellEnded(operations, answer)
  local isTold = false
  for _, o in ipairs(operations) do isTold = isTold or o.fences end
  if not isTold then return end
  answer[#answer + 1] = ''
  for _, value in ipairs(endedHolds) do answer[#answer + 1] = value end
end
`;
