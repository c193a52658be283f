import { Script } from '../../cluster/scripts/script.js';
import { LUA_INDEXED_INSERT, LUA_INDEXED_UPDATE } from './short-write.js';

/**
 * Writes rows of one entity in one partition, each by itself: a row that is not written does not stop the others. It
 * only makes writes in the short form where nothing is unusual. The caller sends the others by themselves, with the
 * same token.
 *
 * Returns text: `r` if the call is sent again, and for each row its version, or `-` if it was left to the caller. A call
 * that is sent again leaves all rows to the caller.
 */
export const BATCH_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the rows, the index and the unique hash
-- ARGV: 1 token, followed by 'r' if the call is sent again  2 number of rows
--   and for each row: n, the form of its write, n arguments
local head = ARGV[1]
local function insertShortly(row, ix, uq, form, place, at, to)
  ${LUA_INDEXED_INSERT}
end
local function updateShortly(row, ix, uq, form, place, at, to)
  ${LUA_INDEXED_UPDATE}
end
local answer, at, count = { string.sub(head, 17) }, 3, tonumber(ARGV[2])
local ix, uq = KEYS[count + 1], KEYS[count + 2]
for i = 1, count do
  local form, from, to, version = ARGV[at + 1], at + 2, at + 1 + ARGV[at], nil
  if answer[1] == '' then
    local write = string.byte(form) == 105 and insertShortly or updateShortly -- 'i'
    version = write(KEYS[i], ix, uq, form, 1, from, to)
  end
  answer[i + 1] = version or '-'
  at = to + 1
end
return table.concat(answer, ' ')
`);
