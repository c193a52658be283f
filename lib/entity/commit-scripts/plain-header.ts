/**
 * The functions of `LUA_HEADER` for the short paths of the scripts. They do the same in less time, and leave the cases
 * that they do not know to the rest of the script. Needs `LUA_CLOCK`.
 */
export const LUA_PLAIN_HEADER = String.raw`
-- Returns whether a row has a valid version, which is the expected one, and has not been written with the token.
local function isUsual(version, expected, writes, token)
  if not version or expected ~= '' and expected ~= version then return false end
  if #version > 16 or not string.find(version, '^%d+$') then return false end
  return not string.find(writes, string.sub(token, 1, 8), 1, true)
end

-- Fills in the version and the last writes among the pairs that end at a place in ARGV. Returns the version.
local function fillHeader(token, version, writes, to)
  local seconds, micros = time()
  if not version then version = seconds .. string.sub('00000' .. micros, -6)
  else
    local digit = string.byte(version, -1)
    if digit < 57 then version = string.sub(version, 1, -2) .. string.char(digit + 1) -- formatting the number takes far longer
    else version = string.format('%.0f', version + 1) end
  end
  ARGV[to - 2] = version
  ARGV[to] = string.sub(token, 1, 8) .. string.format('%04x', seconds % 65536) .. string.sub(writes or '', 1, 48)
  return version
end
`;
