-- What may be spent on a day, and what was.
-- KEYS: none. ARGV: none. Reply: none; a library. Invariants: looking changes nothing; a day is one of UTC, by Redis's clock.
local function today() return string.sub(stamp(NOW), 1, 10) end

-- What may be spent on a day by a scope (`owner:<name>` or `all`), what was, and the field of its extension; nil for no limit.
local function day_budget(scope, day)
  local base = redis.call('HGET', K.budgets(), scope)
  if not base then return nil end
  local got = redis.call('HMGET', K.spend(day), 'total:' .. scope, 'extra:' .. scope)
  return tonumber(base), tonumber(got[1] or 0), tonumber(got[2] or 0)
end
