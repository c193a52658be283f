import { INDEX_LISTS, ROW_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_EXPIRY } from '../lua/lua-clock.js';

/**
 * Compares what the index and the uniques of a partition hold of one row with what they should, as long as the row is
 * still the one that was read; `repair` puts it right in the same step.
 *
 * Answers `['CHANGED']` where the row is another by now; else `['OK', fault, entry, fault, entry, …]`, the faults being
 * `missing`, `extra`, `wrong` (the row's own note of an encoding) and `duplicate` (a unique that another row holds).
 */
export const AUDIT_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the row, the index (~ix), the unique hash (~uq)
-- ARGV: 1 'verify' or 'repair'  2 id  3 the version of the row, '' where there is none  4 when it expires, '' for never
--   n, n times: field, '=' value  the row's notes of its encodings; '' for none
--   n, n times: entry             that the index must hold
--   n, n times: entry             that the unique hash must hold
--   n, n times: entry             of the index, which the row should not have
--   n, n times: entry             of the unique hash, which the row should not have
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
redis.call('ZCARD', ix) -- fails here, before the first write, if it is no ZSET
redis.call('HLEN', uq)

local answer = { 'OK' }
local function note(fault, entry)
  answer[#answer + 1] = fault
  answer[#answer + 1] = entry
end

for _ = 1, tonumber(take()) do
  local field, wanted = take(), take()
  local noted = redis.call('HGET', row, field)
  if (noted and '=' .. noted or '') ~= wanted then
    note('wrong', field)
    if repairs and wanted == '' then redis.call('HDEL', row, field) end
    if repairs and wanted ~= '' then redis.call('HSET', row, field, string.sub(wanted, 2)) end
  end
end
for _ = 1, tonumber(take()) do
  local entry = take()
  local score = redis.call('ZSCORE', ix, entry)
  if tonumber(score or 1) ~= 0 then -- the order of an index is that of its entries as long as all scores are the same
    note(score and 'wrong' or 'missing', entry)
    if repairs then redis.call('ZADD', ix, 0, entry) end
  end
  if ARGV[4] ~= '' and string.sub(entry, 1, 3) == '${INDEX_LISTS.expiry}\0' and redis.call('PTTL', row) == -1 then
    note('wrong', entry)
    if repairs then redis.call('PEXPIREAT', row, string.format('%.0f', ARGV[4] + GRACE_MS)) end
  end
end
for _ = 1, tonumber(take()) do
  local entry = take()
  local holder = redis.call('HGET', uq, entry)
  if not holder then
    note('missing', entry)
    if repairs then redis.call('HSET', uq, entry, id) end
  elseif holder ~= id then note('duplicate', entry) end
end
for _ = 1, tonumber(take()) do
  local entry = take()
  if redis.call('ZSCORE', ix, entry) then
    note('extra', entry)
    if repairs then redis.call('ZREM', ix, entry) end
  end
end
for _ = 1, tonumber(take()) do
  local entry = take()
  if redis.call('HGET', uq, entry) == id then
    note('extra', entry)
    if repairs then redis.call('HDEL', uq, entry) end
  end
end
return answer
`);
