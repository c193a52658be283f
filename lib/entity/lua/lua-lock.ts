import { LOCK_FIELDS } from '../keys/stored-names.js';

/** Checks whether a lock has expired or has another holder. */
export const LUA_LOCK = String.raw`
local function isLockLost(lock, token)
  return lock and redis.call('HGET', lock, '${LOCK_FIELDS.token}') ~= token
end
`;
