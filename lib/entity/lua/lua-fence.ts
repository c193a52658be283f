import { LOCK_FIELDS } from '../keys/stored-names.js';

/** Lua that tells whether a lock was given to somebody else since, or is not known any more. */
export const LUA_FENCE = String.raw`
local function isLockLost(lock, token)
  return lock and redis.call('HGET', lock, '${LOCK_FIELDS.token}') ~= token
end
`;
