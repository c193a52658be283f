import { Script } from '../../cluster/scripts/script.js';
import { LUA_OUTBOX_READING } from './lua-outbox-reading.js';

/**
 * Reads an outbox after a position.
 *
 * Replies `['OK', id, fields, id, fields, …]`, or `['AT', id]` for the position `now`, or `['LOST']` if entries are
 * missing directly after the position.
 */
export const OUTBOX_SCRIPT = new Script(
  String.raw`#!lua flags=no-writes
-- KEYS: the outbox
-- ARGV: 1 the id of the entry that was read last, '0-0' if there was none; 'start', or 'now'  2 the most entries
${LUA_OUTBOX_READING}
local key, from = KEYS[1], ARGV[1]
if from == 'now' then
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return { 'AT', last and last[1] or '0-0' }
end
local entries, isLost = readOutbox(key, from, ARGV[2])
if isLost then return { 'LOST' } end
return appendEntries({ 'OK' }, entries)
`,
  true,
);
