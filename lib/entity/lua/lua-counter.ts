/**
 * Adds to a counter without writing it. HINCRBY fails on overflow, and on text that it would not write itself, such as
 * `007` or `-0`. A failure in the middle of a script would leave earlier writes behind. A sum outside the range of the
 * counter's type could never be read again. Lua numbers are exact only up to 2^53, so the sum is computed in two halves
 * of nine digits.
 */
export const LUA_COUNTER = String.raw`
local HALF = 1000000000

local function halvesOf(text)
  local sign, digits = string.match(text, '^(%-?)(%d+)$')
  if not digits or #digits > 18 or string.sub(digits, 1, 1) == '0' and text ~= '0' then return nil end
  local factor = sign == '-' and -1 or 1
  return factor * (tonumber(string.sub(digits, 1, -10)) or 0), factor * tonumber(string.sub(digits, -9))
end

-- Adds a step to a value, or to zero. Returns the sum or nil, the fault or nil, and the step as HINCRBY accepts it.
-- The step of a bigint ends in 'n': its sum has at most 18 digits. Any other sum must be a safe integer.
local function sumOf(value, step)
  local by, isBig = string.match(step, '^(%-?%d+)(n?)$')
  local high, low = halvesOf(value or '0')
  if not high then return nil, 'COUNTER', by end
  local byHigh, byLow = halvesOf(by)
  local sign
  high, low = high + byHigh, low + byLow
  if high < 0 or high == 0 and low < 0 then sign, high, low = '-', -high, -low end
  high, low = high + math.floor(low / HALF), low % HALF
  if high < 0 then sign, high, low = '-', -high - 1, HALF - low end -- the halves had different signs
  local fits = isBig == 'n' and high < HALF or high < 9007199 or high == 9007199 and low <= 254740991
  if not fits then return nil, 'RANGE', by end
  local digits = high > 0 and string.format('%.0f%09.0f', high, low) or string.format('%.0f', low)
  return (sign or '') .. digits, nil, by
end
`;
