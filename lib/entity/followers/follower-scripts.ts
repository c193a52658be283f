import { Script } from '../../cluster/scripts/script.js';
import { GROUP_FIELDS, PROGRESS_FIELDS } from '../keys/stored-names.js';
import { LUA_CLOCK } from '../lua/lua-clock.js';
import { LUA_OUTBOX_READING } from '../changes/lua-outbox-reading.js';

/**
 * Registers a member of a group for a while, and gives it its shares of the slots: those that it has, and free ones up
 * to a fair number. A share is free if its member is no longer alive. A member that leaves keeps what it has while its
 * handlers run, and gets nothing.
 *
 * Replies `[begun, whether the member is to begin the group, the fair number, until when it is alive, share, …]`. A `!`
 * precedes a share whose last member has vanished.
 */
export const MEMBER_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the group
-- ARGV: 1 the member  2 how long it is alive, in milliseconds  3 number of shares  4 '1' if it leaves
--   then the shares that it gives up
${LUA_CLOCK}
local group, member, now = KEYS[1], ARGV[1], nowMs()
local all = redis.call('HGETALL', group)
local isLeaving = ARGV[4] == '1'
local alive, owners, dead, living = { [member] = true }, {}, {}, isLeaving and 0 or 1
local begun, beginner = '', nil
for i = 1, #all, 2 do
  local field, value = all[i], all[i + 1]
  local kind, name = string.sub(field, 1, 2), string.sub(field, 3)
  if field == '${GROUP_FIELDS.begun}' then begun = value
  elseif field == '${GROUP_FIELDS.beginner}' then beginner = value
  elseif kind == '${GROUP_FIELDS.share}' then owners[name] = value
  elseif kind == '${GROUP_FIELDS.member}' and name ~= member then
    local aliveUntil = tonumber(value)
    if math.abs(aliveUntil) > now then
      alive[name] = true
      if aliveUntil > 0 then living = living + 1 end
    else dead[#dead + 1] = field end
  end
end
for i = 5, #ARGV do
  if owners[ARGV[i]] == member then
    owners[ARGV[i]] = nil
    redis.call('HDEL', group, '${GROUP_FIELDS.share}' .. ARGV[i])
  end
end
for _, field in ipairs(dead) do redis.call('HDEL', group, field) end
local untilText = string.format('%.0f', now + ARGV[2])
redis.call('HSET', group, '${GROUP_FIELDS.member}' .. member, (isLeaving and '-' or '') .. untilText)
local shares = tonumber(ARGV[3])
local fair = math.ceil(shares / math.max(1, living))
if begun == '' then
  if not beginner or not alive[beginner] then
    beginner = member
    redis.call('HSET', group, '${GROUP_FIELDS.beginner}', member)
  end
  return { '', beginner == member and '1' or '', tostring(fair), untilText }
end
local answer, mine = { begun, '', tostring(fair), untilText }, 0
for share = 0, shares - 1 do
  if owners[tostring(share)] == member then
    mine = mine + 1
    answer[#answer + 1] = tostring(share)
  end
end
for share = 0, shares - 1 do
  local owner = owners[tostring(share)]
  if not isLeaving and mine < fair and not (owner and alive[owner]) then
    mine = mine + 1
    redis.call('HSET', group, '${GROUP_FIELDS.share}' .. share, member)
    answer[#answer + 1] = (owner and '!' or '') .. share
  end
end
return answer
`);

/** Marks a group as begun, unless another member is to begin it. */
export const BEGUN_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the group
-- ARGV: 1 the member  2 where it begins
if redis.call('HGET', KEYS[1], '${GROUP_FIELDS.beginner}') == ARGV[1] then
  redis.call('HSETNX', KEYS[1], '${GROUP_FIELDS.begun}', ARGV[2])
end
return { 'OK' }
`);

/** Removes a member and its shares. */
export const LEAVE_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the group
-- ARGV: 1 the member
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local isShare = string.sub(all[i], 1, 2) == '${GROUP_FIELDS.share}' and all[i + 1] == ARGV[1]
  if isShare or all[i] == '${GROUP_FIELDS.member}' .. ARGV[1] then redis.call('HDEL', KEYS[1], all[i]) end
end
return { 'OK' }
`);

/**
 * Sets the position where a group begins in a slot: the end of the outbox. A member that was paused for so long that
 * another one may have begun the group sets nothing.
 */
export const BEGIN_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the outbox, the group's progress in it
-- ARGV: 1 until when the member may set it, in milliseconds since 1970
${LUA_CLOCK}
if nowMs() > tonumber(ARGV[1]) then return { 'LATE' } end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if last then redis.call('HSETNX', KEYS[2], '${PROGRESS_FIELDS.position}', last[1]) end
return { 'OK' }
`);

/**
 * Reads an outbox after the position of a group.
 *
 * Replies `['OK' or 'LOST', position, attempts that are noted for it, id, fields, id, fields, …]`. Entries directly after the position are missing if it
 * is `LOST`.
 */
export const PROGRESS_SCRIPT = new Script(
  String.raw`#!lua flags=no-writes
-- KEYS: the outbox, the group's progress in it
-- ARGV: 1 the position if there is none yet: '0-0' or 'start'  2 the most entries
${LUA_OUTBOX_READING}
local position = redis.call('HGET', KEYS[2], '${PROGRESS_FIELDS.position}')
local noted, attempts = redis.call('HGET', KEYS[2], '${PROGRESS_FIELDS.attempts}'), '0'
if noted then
  local place, count = string.match(noted, '^(.*) (%d+)$')
  if place == (position or '') then attempts = count end
end
local entries, isLost = readOutbox(KEYS[1], position or ARGV[1], ARGV[2])
if isLost then return { 'LOST', position or '', attempts } end
return appendEntries({ 'OK', position or '', attempts }, entries)
`,
  true,
);

/** Notes how often the change after a position was handled. */
export const NOTE_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the group's progress
-- ARGV: 1 the position, '' for none  2 the number of attempts
if (redis.call('HGET', KEYS[1], '${PROGRESS_FIELDS.position}') or '') == ARGV[1] then
  redis.call('HSET', KEYS[1], '${PROGRESS_FIELDS.attempts}', ARGV[1] .. ' ' .. ARGV[2])
end
return { 'OK' }
`);

/**
 * Moves the position of a group in a slot, and puts a change aside if there are fields for it.
 *
 * Replies `['OK' or 'PASSED', how many changes that were put aside were removed]`.
 */
export const MOVE_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the group's progress, and the stream of changes that were put aside
-- ARGV: 1 the present position, '' for none  2 the new position  3 the most changes to keep aside, '' for any number
--   then the fields of a change to put aside
local now = redis.call('HGET', KEYS[1], '${PROGRESS_FIELDS.position}') or ''
if now == ARGV[2] then return { 'OK', '0' } end -- sent again
if now ~= ARGV[1] then return { 'PASSED', '0' } end
local removed = 0
if #ARGV > 3 then
  redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
  if ARGV[3] ~= '' then removed = redis.call('XTRIM', KEYS[2], 'MAXLEN', ARGV[3]) end
  redis.call('HDEL', KEYS[1], '${PROGRESS_FIELDS.attempts}')
end
redis.call('HSET', KEYS[1], '${PROGRESS_FIELDS.position}', ARGV[2])
return { 'OK', tostring(removed) }
`);

/** Reads changes that were put aside, and the id of the last one that was handled again. */
export const DEAD_LETTERS_SCRIPT = new Script(
  String.raw`#!lua flags=no-writes
-- KEYS: the group's progress, and the stream of changes that were put aside
-- ARGV: 1 the id of the one that was read last, or '-'  2 the most
local from = ARGV[1] == '-' and '-' or '(' .. ARGV[1]
local answer = { redis.call('HGET', KEYS[1], '${PROGRESS_FIELDS.redriven}') or '' }
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', ARGV[2])) do
  answer[#answer + 1] = entry[1]
  answer[#answer + 1] = entry[2]
end
return answer
`,
  true,
);
