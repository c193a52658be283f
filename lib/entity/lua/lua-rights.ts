/**
 * How many arguments a check names for commands that do not take two, or two or more. Redis 8.6 refuses to check a
 * command with another number of arguments than it takes.
 */
const ARGUMENTS: Readonly<Record<string, number>> = {
  PERSIST: 1,
  PTTL: 1,
  PEXPIRETIME: 1,
  HGETALL: 1,
  HSET: 3,
  HINCRBY: 3,
  LREM: 3,
  LTRIM: 3,
  ZADD: 3,
  ZINCRBY: 3,
  ZRANGEBYSCORE: 3,
  ZREMRANGEBYSCORE: 3,
  ZREMRANGEBYRANK: 3,
  XTRIM: 3,
  XADD: 4,
  HPEXPIRE: 5,
};

const TABLE = Object.entries(ARGUMENTS)
  .map(([command, count]) => `${command} = ${count}`)
  .join(', ');

/**
 * Checks that the caller may run all commands that a script will write with. A refusal in the middle of the script
 * would leave earlier writes behind. The server itself checks the permissions for keys when the script starts.
 */
export const LUA_RIGHTS = String.raw`
local ARGUMENTS = { ${TABLE} }

-- Returns an error for a command that the caller may not run, or nil if all are permitted.
local function forbidden(commands, key)
  local args = { key, key, key, key, key } -- only the first one matters
  for command in pairs(commands) do
    if not redis.acl_check_cmd(command, unpack(args, 1, ARGUMENTS[command] or 2)) then
      return redis.error_reply("NOPERM this user has no permissions to run the '" .. string.lower(command) .. "' command")
    end
  end
end
`;
