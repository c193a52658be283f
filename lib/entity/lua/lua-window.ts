/**
 * Lua of a partition's token window, for writes that a row cannot remember. It is two keys: a ZSET of tokens by their
 * time, and a HASH of what each was answered. Both are gone when nothing was written for as long as the window is.
 */
export const LUA_WINDOW = String.raw`
local WINDOW_MS = 60000

-- What the write with this token was answered; nil if it is not known. Fails on keys that are not of the right type.
local function answerOf(times, answers, token)
  redis.call('ZCARD', times)
  local text = redis.call('HGET', answers, token)
  if not text then return nil end
  local answer = { 'OK' }
  for part in string.gmatch(text .. ',', '([^,]*),') do answer[#answer + 1] = part end
  return answer
end

-- The commands of 'remember'.
local function planWindow(planned)
  planned.ZRANGEBYSCORE, planned.ZREM, planned.ZADD = true, true, true
  planned.HDEL, planned.HSET, planned.PEXPIRE = true, true, true
end

local function remember(times, answers, token, answer)
  local now = redis.call('TIME')
  local ms = now[1] * 1000 + math.floor(now[2] / 1000)
  local past = redis.call('ZRANGEBYSCORE', times, '-inf', ms - WINDOW_MS, 'LIMIT', 0, 20)
  if #past > 0 then
    redis.call('ZREM', times, unpack(past))
    redis.call('HDEL', answers, unpack(past))
  end
  redis.call('ZADD', times, ms, token)
  redis.call('HSET', answers, token, table.concat(answer, ',', 2))
  redis.call('PEXPIRE', times, WINDOW_MS)
  redis.call('PEXPIRE', answers, WINDOW_MS)
end
`;
