/**
 * Lua that tells whether a counter can be incremented. HINCRBY would fail on what is not a whole number or overflows,
 * in the middle of a script, whose earlier writes would stay. Sums of two numbers of 18 digits stay within 64 bits.
 */
export const LUA_COUNTER = String.raw`
local function isCounter(value)
  local digits = value and string.match(value, '^%-?(%d+)$')
  return not value or digits and #digits <= 18
end
`;
