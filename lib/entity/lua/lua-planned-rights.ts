/** Part of the commit script, after its functions: lists the commands that the commit will write with. */
export const LUA_PLANNED_RIGHTS = String.raw`
local function planCommands(o, planned)
  if o.hasValues then planned.HGETALL = true end
  if o.releases[1] then planned.HDEL = true end
  if o.leaves[1] then planned.ZREM = true end
  if o.enters[1] then planned.ZADD = true end
  if o.claims[1] then planned.HSET = true end
  if o.collections[1] and (o.mode == 'D' or not o.version) then planned.UNLINK = true end
  for _, hold in ipairs(o.holds or {}) do
    planned[hold.after and 'HSET' or 'HDEL'] = true
    if hold.before then planned.ZREMRANGEBYSCORE, planned.ZADD, planned.PEXPIRE = true, true, true end
  end
  if o.mode == 'D' or o.expired then
    planned.UNLINK = true
    if o.ix then planned.ZREM = true end
  end
  if o.mode == 'D' then return end
  if o.ix and not o.version then planned.ZADD = true end
  if o.setTo >= o.setFrom then
    planned.HSET = true
    if ARGV[o.setTo] ~= '' then planned.HPEXPIRE = true end
    if o.removedTo >= o.removedFrom then planned.HDEL = true end
  end
  if o.countTo >= o.countFrom then planned.HINCRBY = true end
  if o.expireAt ~= '' then
    if o.ix and o.expiresAt then planned.ZREM = true end
    if o.ix then planned.ZADD = true end
    if o.expireAt == '0' then planned.HDEL, planned.PERSIST = true, true
    else planned.HSET, planned.PEXPIREAT = true, true end
  end
  if not o.written[1] then return end
  planned.PTTL, planned.HGET, planned.PEXPIRETIME = true, true, true
  if o.expiresAt or redis.call('PEXPIRETIME', o.row) > 0 then planned.PEXPIREAT = true end
  for _, written in ipairs(o.written) do
    for _, call in ipairs(written.calls) do planned[call.command] = true end
  end
end

local function plannedCommands(operations)
  local planned = {}
  for _, o in ipairs(operations) do
    if o.mode ~= 'C' and o.mode ~= 'A' then planCommands(o, planned) end
  end
  if openOutbox then planned.XADD = true end
  if progress then planned.HSET = true end
  if times then planWindow(planned) end
  return planned
end
`;
