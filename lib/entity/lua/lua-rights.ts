/**
 * Checks that the caller may run all commands that a script will write with. A refusal in the middle of the script
 * would leave earlier writes behind. The server itself checks the permissions for keys when the script starts.
 */
export const LUA_RIGHTS = String.raw`
-- Returns an error for a command that the caller may not run, or nil if all are permitted.
local function forbidden(commands, key)
  for command in pairs(commands) do
    if not redis.acl_check_cmd(command, key) then
      return redis.error_reply("NOPERM this user has no permissions to run the '" .. string.lower(command) .. "' command")
    end
  end
end
`;
