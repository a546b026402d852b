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
