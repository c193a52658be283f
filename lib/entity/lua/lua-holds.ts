import { ROW_FIELDS } from '../keys/stored-names.js';

/**
 * The fences of a partition: a ZSET of the tokens of released entries, by time. It expires when no token has been added
 * for the time that tokens are kept. Needs `LUA_CLOCK`.
 */
export const LUA_FENCES = String.raw`
local FENCE_MS = 120000

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

/**
 * Part of the commit script, after its function `take`: the entries that rows hold in global indexes and unique
 * constraints. A row's field `~g:<name>` has the token of the write that created the entry (12 characters), followed
 * by the entry's encodings.
 */
export const LUA_HOLDS = String.raw`
${LUA_FENCES}
local function takeHolds(o)
  o.holds = {}
  local count = tonumber(take())
  if count == 0 then return end
  o.fences, o.holdsUntil = KEYS[tonumber(take())], tonumber(take())
  for i = 1, count do
    o.holds[i] = { field = '${ROW_FIELDS.hold}' .. take(), how = take(), token = take(), encodings = take() }
  end
end

-- Reads what the row holds. Returns whether one of the entries does not, or no longer does, belong to this write.
local function isHoldLost(o)
  if not o.fences then return false end
  redis.call('ZCARD', o.fences) -- fails here, before the first write, if it is not a ZSET
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

local released = {} -- for each entry its operation, its index, and what the row held

local function releaseHolds(o, place)
  for _, hold in ipairs(o.holds) do
    if hold.before and hold.before ~= hold.after then
      fence(o.fences, string.sub(hold.before, 1, 12))
      for _, value in ipairs({ tostring(place), string.sub(hold.field, ${ROW_FIELDS.hold.length + 1}), hold.before }) do
        released[#released + 1] = value
      end
    end
  end
end

-- Writes the new holds of an existing row.
local function writeHolds(o, place)
  releaseHolds(o, place)
  for _, hold in ipairs(o.holds) do
    if hold.after then redis.call('HSET', o.row, hold.field, hold.after)
    elseif hold.before then redis.call('HDEL', o.row, hold.field) end
  end
end

-- Appends an empty text and all entries that this commit has released. A replayed answer has neither.
local function appendReleased(operations, answer)
  local hasHolds = false
  for _, o in ipairs(operations) do hasHolds = hasHolds or o.fences end
  if not hasHolds then return end
  answer[#answer + 1] = ''
  for _, value in ipairs(released) do answer[#answer + 1] = value end
end
`;
