import { Script } from '../cluster/scripts/script.js';

/**
 * Counts one hit by the rules of @nestjs/throttler's in-memory storage. Uses the server's clock.
 *
 * KEYS: the window (a hash: when it ends, when a block ends) and the hits (a sorted set: each with its end).
 * ARGV: ttl, limit and block duration in ms, and a unique name for the hit.
 * Returns the hits, ms until the window ends, whether it is blocked, and ms until the block ends.
 */
export const HIT_SCRIPT = new Script(`#!lua
local window, hits = KEYS[1], KEYS[2]
local ttl, limit, block = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

redis.call('ZREMRANGEBYSCORE', hits, '-inf', now)
local total = redis.call('ZCARD', hits)
local fields = redis.call('HMGET', window, 'ends', 'blocked')
local ends, blocked = tonumber(fields[1] or 0), tonumber(fields[2] or 0)
if ends <= now then ends = now + ttl end

local function hit()
  redis.call('ZADD', hits, now + ttl, ARGV[4])
  total = total + 1
end

local isBlocked, blockEnds = 0, 0
if block <= 0 then
  -- no block: too many until the oldest hit is over
  if total >= limit then
    isBlocked = 1
    local oldest = redis.call('ZRANGE', hits, 0, 0, 'WITHSCORES')
    blockEnds = tonumber(oldest[2] or ends)
    total = total + 1
  else
    hit()
  end
else
  if blocked == 0 then
    hit()
    if total > limit then blocked = now + block end
  elseif blocked <= now then
    -- the block is over, and counting starts over
    blocked, total = 0, 0
    redis.call('DEL', hits)
    hit()
  end
  if blocked > 0 then isBlocked, blockEnds = 1, blocked end
end

redis.call('HSET', window, 'ends', ends, 'blocked', blocked)
local last = redis.call('ZRANGE', hits, -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', window, math.max(ends, blocked, tonumber(last[2] or 0)) + 1)
if last[2] then redis.call('PEXPIREAT', hits, math.max(tonumber(last[2]), blocked) + 1) end
return { total, ends - now, isBlocked, math.max(0, blockEnds - now) }
`);
