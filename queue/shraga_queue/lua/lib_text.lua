-- Text cut to a length.
-- KEYS: none. ARGV: none. Reply: none; a library. Invariants: UTF-8 stays UTF-8.
-- At most `longest` bytes of a text, never a part of a character.
local function cut(value, longest)
  if #value <= longest then return value end
  local after = string.byte(value, longest + 1)
  while longest > 0 and after >= 128 and after < 192 do
    longest = longest - 1
    after = string.byte(value, longest + 1)
  end
  return string.sub(value, 1, longest)
end
