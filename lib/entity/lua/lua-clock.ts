/** The server's clock, read at most once per script. */
export const LUA_CLOCK = String.raw`
local clock
local function time() -- seconds since 1970, and microseconds
  clock = clock or redis.call('TIME')
  return clock[1], clock[2]
end

local function nowMs()
  local seconds, micros = time()
  return seconds * 1000 + math.floor(micros / 1000)
end
`;

/**
 * Checks whether a row has expired, by its `~x`: when it expires, in milliseconds since 1970.
 *
 * The server deletes a row that is a partition of its own at that moment; it has no indexes. In a larger partition,
 * the row stays invisible for another day, so that a sweep can see which index entries to delete with it. Its entry in
 * the expiry queue of the index says when it is due.
 */
export const LUA_EXPIRY = String.raw`
${LUA_CLOCK}
local GRACE_MS = 86400000

local function isPast(expiresAt)
  return expiresAt and (tonumber(expiresAt) or math.huge) <= nowMs()
end
`;
