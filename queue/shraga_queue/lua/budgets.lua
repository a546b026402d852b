-- The budgets, with what was spent of each today.
-- Uses: time, budget
-- KEYS[1] the budgets. ARGV: none.
-- Reply: for each {'owner:<name>' or 'all', a day's budget, today's extension, spent today}, in billionths of a dollar.
-- Invariants: looking changes nothing.
-- Read only.
local reply, day = {}, today()
local scopes = redis.call('HKEYS', K.budgets())
table.sort(scopes)
for _, scope in ipairs(scopes) do
  local base, spent, extra = day_budget(scope, day)
  reply[#reply + 1] = {scope, string.format('%d', base), string.format('%d', extra), string.format('%d', spent)}
end
return reply
