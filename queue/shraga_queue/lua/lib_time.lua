-- Redis's clock, in milliseconds, and as the text RQ keeps.
-- KEYS: none. ARGV: none. Reply: none; a library. Invariants: the only clock any script decides by.
local TIME = redis.call('TIME')
local NOW = TIME[1] * 1000 + math.floor(TIME[2] / 1000)
local NOW_TEXT = string.format('%d', NOW)

local stamped, stamp_text = -1, ''

local function stamp(ms)
  if ms == stamped then return stamp_text end
  local seconds = math.floor(ms / 1000)
  local days, rest = math.floor(seconds / 86400), seconds % 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  stamped = ms
  stamp_text = string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03d000Z', year, month,
    doy - math.floor((153 * mp + 2) / 5) + 1,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, ms % 1000)
  return stamp_text
end
