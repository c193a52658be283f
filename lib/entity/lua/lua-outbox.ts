import { OUTBOX_FIELDS } from '../keys/stored-names.js';

/**
 * Lua that tells the outbox of a slot what a commit has changed. An entry names the one before it, `b`, so that a
 * reader notices where any are missing, whoever has taken them away: trimming, or a failover.
 */
export const LUA_OUTBOX = String.raw`
local outbox

-- Fails here, before the first write, if the key is no stream.
local function openOutbox(key, length, partition)
  if not key then return end
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  outbox = { key = key, length = length, partition = partition, behind = last and last[1] or '0-0' }
end

-- 'detail' is the names of what has changed, with zero bytes between, or the payload of an event.
local function tell(kind, entity, id, version, detail)
  outbox.told = true
  outbox.behind = redis.call('XADD', outbox.key, 'MAXLEN', '~', outbox.length, '*', '${OUTBOX_FIELDS.before}', outbox.behind,
    '${OUTBOX_FIELDS.type}', kind, '${OUTBOX_FIELDS.entity}', entity, '${OUTBOX_FIELDS.partition}', outbox.partition,
    '${OUTBOX_FIELDS.id}', id, '${OUTBOX_FIELDS.version}', version, '${OUTBOX_FIELDS.detail}', detail)
end

-- Wakes the readers. That nobody may, or can, publish here is no reason to fail: they look by themselves, too.
local function wakeReaders()
  if outbox and outbox.told then redis.pcall('SPUBLISH', outbox.key, '') end
end
`;
