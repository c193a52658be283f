/**
 * Lua that finds out whether the caller may run all commands by which a script is going to write. One that is refused
 * half-way would leave what was written before it. Rights to keys are those to the script's own, which the server has
 * checked.
 */
export const LUA_RIGHTS = String.raw`
-- An error for the first of these commands that the caller may not run; nil where there is none.
local function forbidden(commands, key)
  for command in pairs(commands) do
    if not redis.acl_check_cmd(command, key) then
      return redis.error_reply("NOPERM this user has no permissions to run the '" .. string.lower(command) .. "' command")
    end
  end
end
`;
