-- Set or remove what an owner, or everybody together, may spend on a day.
-- Uses: time, tell, budget
-- KEYS[1] the budgets. ARGV: 1 'owner:<name>' or 'all', 2 billionths of a dollar a day or '' for no budget, 3 actor.
-- Reply: what it was before, or ''.
-- Invariants: what was spent today counts; today's extensions go with the budget they extended.
local scope, wanted, actor = ARGV[1], ARGV[2], ARGV[3]
local before = redis.call('HGET', K.budgets(), scope) or ''
if wanted == '' then redis.call('HDEL', K.budgets(), scope) else redis.call('HSET', K.budgets(), scope, wanted) end
redis.call('HDEL', K.spend(today()), 'extra:' .. scope)
local owner = string.match(scope, '^owner:(.+)$')
local function dollars(nano) return nano == '' and '' or string.format('%.2f', tonumber(nano) / 1e9) end
tell('budget.changed', owner, '', scope, '', '', actor, dollars(wanted))
audit(actor, 'budget', owner and 'user' or 'organisation', owner or '', dollars(before), dollars(wanted), '')
return before
