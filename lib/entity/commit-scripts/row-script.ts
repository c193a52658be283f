import { ROW_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_EXPIRY } from '../lua/lua-clock.js';
import { LUA_HEADER } from '../lua/lua-header.js';
import { LUA_LONG_ROW, LUA_SHORT_ROW } from './short-write.js';
import { LUA_RIGHTS } from '../lua/lua-rights.js';

/**
 * Writes one row without touching any index. This is the fast path of the commit script. It uses a single key, so it
 * also runs while the slot is being migrated.
 *
 * Modes: `I` insert, `U` update, `W` upsert, `D` delete, `C` check that the row exists.
 * Returns `['OK', version]` or the version alone, with an empty version if there is no row, or `[fault, 1, version]`.
 */
export const ROW_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the row
-- ARGV: 1 token, followed by 'r' if it is sent again. Then either a write in the short form, whose arguments follow, or
--   2 mode  3 expected version  4 expire at
--   5 number of fields to remove, then those fields
--   then the pairs to set, which end in '~v', the property that an upsert keeps ('' for none), '~op', times to live
${LUA_SHORT_ROW}
${LUA_LONG_ROW}
${LUA_EXPIRY}
${LUA_HEADER}
${LUA_RIGHTS}
local row = KEYS[1]
local token, isResent = tokenIn(head)
local mode, expected = ARGV[2], ARGV[3]

local header = redis.call('HMGET', row, '${ROW_FIELDS.version}', '${ROW_FIELDS.lastWrites}', '${ROW_FIELDS.expiresAt}')
local seeded, writes = header[1], header[2] or ''
local version = seeded or redis.call('EXISTS', row) == 1 and '0' -- rows of other programs have no version

local made = versionMadeBy(token, seeded, writes)
if made then return { 'OK', answered(made, (keptIn(row, 5, #ARGV))) } end
local expired = version and isPast(header[3])
if expired then version, seeded, writes = nil, nil, '' end
if isOutcomeUnknown(isResent, head, mode, expected, version, writes) then return { 'UNKNOWN', 1, '' } end
local kept
local fault = faultOf(mode, expected, version)
if fault then return { fault, 1, version or '' } end

if mode == 'D' then
  redis.call('UNLINK', row)
elseif mode ~= 'C' then
  if expired or ARGV[4] ~= '' or ARGV[5] ~= '0' or ARGV[#ARGV] ~= '' then -- HSET alone needs no check: nothing is written before it
    local planned = { HSET = true, UNLINK = expired or nil }
    if ARGV[5] ~= '0' or ARGV[4] == '0' then planned.HDEL = true end
    if ARGV[#ARGV] ~= '' then planned.HPEXPIRE = true end
    if ARGV[4] ~= '' then planned[ARGV[4] == '0' and 'PERSIST' or 'PEXPIREAT'] = true end
    local refusal = forbidden(planned, row)
    if refusal then return refusal end
  end
  if expired then redis.call('UNLINK', row) end
  local removedTo = 5 + tonumber(ARGV[5])
  kept = keep(row, removedTo + 1, #ARGV)
  version = writeRow(row, head, seeded or seedOf(mode, expected), writes, removedTo + 1, #ARGV, 6, removedTo)
  expireRow(row, nil, ARGV[4])
end
return { 'OK', answered(version or '', kept) }
`);
