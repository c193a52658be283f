import { Script } from '../../cluster/scripts/script.js';
import { LUA_SHORT_INSERT, LUA_SHORT_UPDATE } from './short-write.js';

/**
 * Writes rows of one entity in one partition, each by itself: a row that is not written does not stop the others. It
 * only makes writes in the short form where nothing is unusual. The caller sends the others by themselves, with the
 * same token.
 *
 * Returns text: the age of the token, empty unless the call is sent again, and for each row its version, or `-` if
 * it was left to the caller. A call that is sent again leaves all rows to the caller.
 */
export const BATCH_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the rows, the index and the unique hash
-- ARGV: 1 token, followed by its age if the call is sent again  2 number of rows
--   and for each row: n, n arguments of its write in the short form
local ARGV, clock = ARGV, nil
${LUA_SHORT_INSERT}
${LUA_SHORT_UPDATE}
local answer, at, count = { string.sub(ARGV[1], 13) }, 3, tonumber(ARGV[2])
local ix, uq = KEYS[count + 1], KEYS[count + 2]
for i = 1, count do
  local to, version = at + ARGV[at], nil
  if answer[1] == '' then
    version = (ARGV[at + 1] == 'i' and insertShortly or updateShortly)(KEYS[i], ix, uq, at + 1, to)
  end
  answer[i + 1] = version or '-'
  at = to + 1
end
return table.concat(answer, ' ')
`);
