/**
 * The token window of a partition recognizes writes that leave no token in their row. It has two keys: a ZSET of tokens
 * by time, and a HASH of the replies. Both expire when nothing has been written for the length of the window. Needs
 * `LUA_CLOCK`.
 */
export const LUA_WINDOW = String.raw`
local WINDOW_MS = 60000

-- Returns the reply to the write with this token, or nil. Fails on keys of the wrong type.
local function answerOf(times, answers, token)
  redis.call('ZCARD', times)
  local text = redis.call('HGET', answers, token)
  if not text then return nil end
  local answer = { 'OK' }
  for part in string.gmatch(text .. ',', '([^,]*),') do answer[#answer + 1] = part end
  return answer
end

-- Adds the commands of 'remember' to a plan.
local function planWindow(planned)
  planned.ZRANGEBYSCORE, planned.ZREM, planned.ZADD = true, true, true
  planned.HDEL, planned.HSET, planned.PEXPIRE = true, true, true
end

local function remember(times, answers, token, answer)
  local now = nowMs()
  local past = redis.call('ZRANGEBYSCORE', times, '-inf', now - WINDOW_MS, 'LIMIT', 0, 20)
  if #past > 0 then
    redis.call('ZREM', times, unpack(past))
    redis.call('HDEL', answers, unpack(past))
  end
  redis.call('ZADD', times, now, token)
  redis.call('HSET', answers, token, table.concat(answer, ',', 2))
  redis.call('PEXPIRE', times, WINDOW_MS)
  redis.call('PEXPIRE', answers, WINDOW_MS)
end
`;
