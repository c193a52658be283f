import { ROW_FIELDS } from '../keys/stored-names.js';

/**
 * The short path of the row script, for inserts and updates that only set fields, where nothing is unusual: see
 * `LUA_PLAIN_COMMIT`. HSET is its only write. Needs `LUA_EXPIRY` and `LUA_PLAIN_HEADER`.
 */
export const LUA_PLAIN_ROW = String.raw`
-- 'from' is the place of the first pair in ARGV.
local function writePlainly(row, token, mode, expected, from)
  local to = #ARGV
  if to - from > 7000 or ARGV[to] ~= '' then return end -- values with a time to live take the long path
  local version, writes
  if mode == 'I' then
    if expected ~= '' or redis.call('EXISTS', row) == 1 then return end
  elseif mode == 'U' then
    local header = redis.call('HMGET', row, '${ROW_FIELDS.version}', '${ROW_FIELDS.lastWrites}', '${ROW_FIELDS.expiresAt}')
    version, writes = header[1], header[2] or ''
    if not isUsual(version, expected, writes, token) or isPast(header[3]) then return end
  else return end
  version = fillHeader(token, version, writes, to)
  redis.call('HSET', row, unpack(ARGV, from, to))
  return version
end
`;
