import { INDEX_LISTS, ROW_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_EXPIRY } from '../lua/lua-clock.js';

/**
 * Compares the entries of one row in a partition's index and unique constraints with the expected ones, if the row is
 * unchanged since it was read. With `repair`, it also repairs them in the same step.
 *
 * Returns `['CHANGED']` if the row has changed, else `['OK', fault, entry, fault, entry, …]`. The faults are `missing`,
 * `extra`, `wrong` (an encoding in the row) and `duplicate` (another row holds the unique value).
 */
export const AUDIT_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the row, the index (~ix), the unique hash (~uq)
-- ARGV: 1 'verify' or 'repair'  2 id  3 the version of the row, '' if there is none  4 when it expires, '' for never
--   n, n times: field, '=' value  the encodings that the row must have; '' for none
--   n, n times: entry             the entries that the index must have
--   n, n times: entry             the entries that the unique hash must have
--   n, n times: entry             the entries of the index that the row should not have
--   n, n times: entry             the entries of the unique hash that the row should not have
${LUA_EXPIRY}
local row, ix, uq, repairs, id = KEYS[1], KEYS[2], KEYS[3], ARGV[1] == 'repair', ARGV[2]
local at = 4
local function take()
  at = at + 1
  return ARGV[at]
end

local header = redis.call('HMGET', row, '${ROW_FIELDS.version}', '${ROW_FIELDS.expiresAt}')
local version = header[1] or redis.call('EXISTS', row) == 1 and '0' or ''
if version ~= ARGV[3] or (header[2] or '') ~= ARGV[4] then return { 'CHANGED' } end
redis.call('ZCARD', ix) -- fails here, before the first write, if it is not a ZSET
redis.call('HLEN', uq)

local answer = { 'OK' }
local function report(fault, entry)
  answer[#answer + 1] = fault
  answer[#answer + 1] = entry
end

for _ = 1, tonumber(take()) do
  local field, wanted = take(), take()
  local stored = redis.call('HGET', row, field)
  if (stored and '=' .. stored or '') ~= wanted then
    report('wrong', field)
    if repairs and wanted == '' then redis.call('HDEL', row, field) end
    if repairs and wanted ~= '' then redis.call('HSET', row, field, string.sub(wanted, 2)) end
  end
end
for _ = 1, tonumber(take()) do
  local entry = take()
  local score = redis.call('ZSCORE', ix, entry)
  if tonumber(score or 1) ~= 0 then -- an index sorts by entries only if all scores are equal
    report(score and 'wrong' or 'missing', entry)
    if repairs then redis.call('ZADD', ix, 0, entry) end
  end
  if ARGV[4] ~= '' and string.sub(entry, 1, 3) == '${INDEX_LISTS.expiry}\0' and redis.call('PTTL', row) == -1 then
    report('wrong', entry)
    if repairs then redis.call('PEXPIREAT', row, string.format('%.0f', ARGV[4] + GRACE_MS)) end
  end
end
for _ = 1, tonumber(take()) do
  local entry = take()
  local holder = redis.call('HGET', uq, entry)
  if not holder then
    report('missing', entry)
    if repairs then redis.call('HSET', uq, entry, id) end
  elseif holder ~= id then report('duplicate', entry) end
end
for _ = 1, tonumber(take()) do
  local entry = take()
  if redis.call('ZSCORE', ix, entry) then
    report('extra', entry)
    if repairs then redis.call('ZREM', ix, entry) end
  end
end
for _ = 1, tonumber(take()) do
  local entry = take()
  if redis.call('HGET', uq, entry) == id then
    report('extra', entry)
    if repairs then redis.call('HDEL', uq, entry) end
  end
end
return answer
`);
