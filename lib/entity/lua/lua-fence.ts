/** Lua that tells whether a lock was given to somebody else since, or is not known any more. */
export const LUA_FENCE = String.raw`
local function isLockLost(lock, token)
  return lock and redis.call('HGET', lock, 'n') ~= token
end
`;
