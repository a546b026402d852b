-- What calls of models cost, and the budgets that hold it. Money is whole billionths of a US dollar, so that sums are exact.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: a budget that was exceeded is asked about once for each answer, whatever is still recorded meanwhile.
-- The budget a task has exceeded: {task, owner or all, spent, budget, key of the question}, or nil.
local function breach(t)
  local got = redis.call('HMGET', t.key, 'cost', 'budget', 'spend_until', 'settled')
  local cost, day, nth = tonumber(got[1] or 0), today(), got[4] or '0'
  if got[3] and cost <= tonumber(got[3]) then return nil end
  if got[2] and cost > tonumber(got[2]) then return {'task', num(cost), got[2], 'budget:task:' .. day .. ':' .. nth} end
  for _, scope in ipairs({'owner:' .. t.owner, 'all'}) do
    local base, spent, extra = day_budget(scope, day)
    if base and spent > base + extra then
      local kind = string.match(scope, '^%a+')
      return {kind, num(spent), num(base + extra), 'budget:' .. kind .. ':' .. day .. ':' .. nth}
    end
  end
  return nil
end

-- Raises a budget by its own size, and at least so far that as much is left again.
local function extend(t, kind, day)
  if kind == 'task' then
    local got = redis.call('HMGET', t.key, 'cost', 'budget')
    local cost, budget = tonumber(got[1] or 0), tonumber(got[2])
    redis.call('HSET', t.key, 'budget', num(math.max(2 * budget, cost + budget)))
    return
  end
  local scope = kind == 'owner' and 'owner:' .. t.owner or 'all'
  local base, spent, extra = day_budget(scope, day)
  if base then redis.call('HSET', K.spend(day), 'extra:' .. scope, num(math.max(extra + base, spent))) end
end

-- Lets the task alone spend a tenth of the budget more.
local function allow_to_finish(t, kind, day)
  local got = redis.call('HMGET', t.key, 'cost', 'budget')
  local base = tonumber(got[2] or 0)
  if kind ~= 'task' then base = day_budget(kind == 'owner' and 'owner:' .. t.owner or 'all', day) or 0 end
  redis.call('HSET', t.key, 'spend_until', num(tonumber(got[1] or 0) + math.floor(base / 10)))
end

-- Does what the answer to a question about a budget means; returns what the run is told on its way back, or nil where the
-- task is to be canceled. `key`: the question's.
local function settle_budget(t, key, text)
  local kind, day = string.match(key, '^budget:(%a+):([%d-]+):')
  redis.call('HINCRBY', t.key, 'settled', 1)
  if text == 'stop' then return nil end
  if text == 'extend' then
    extend(t, kind, day)
    return 'The budget was extended: go on where you were.'
  end
  allow_to_finish(t, kind, day)
  return 'The budget is used up: finish with what you have now, and say what is missing.'
end
