-- What the answer to a question about a budget or a plan means; for scripts that take answers (lib_wait).
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: the next breach is a question of its own; a task that is to stop stops like any other that is canceled.
local GIVEN_UP = 'its plan was given up'

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

-- Cancels the task, at once where it waits.
local function call_off(t, actor, said)
  local wanted = {'cancel_by', actor, 'cancel_reason', said}
  if t.status ~= 'running' then
    redis.call('HSET', t.key, 'run', 'canceled', 'finished_at', NOW_TEXT, unpack(wanted))
    return move(t, 'cancel', actor, said, {}, {'ended_at', stamp(NOW)}, 0)
  end
  redis.call('HSET', t.key, 'updated_at', NOW_TEXT, 'updated_by', actor, unpack(wanted))
  redis.call('HINCRBY', t.key, 'version', 1)
  tell('task.canceling', t.owner, t.id, t.name, t.status, t.attempt, actor, said)
  audit(actor, 'ask_cancel', 'task', t.id, t.status, t.status, said)
  nudge(t)
end

-- Does what the answer to the question about a plan that is none means: to cancel ends its workflow, and any other lets the
-- planner go on, with all its tries; returns whether it goes on.
local function settle_plan(t, actor, text)
  if text ~= 'cancel' then
    redis.call('HDEL', t.key, 'failures', 'losses')
    return true
  end
  local w = find_workflow(t.workflow)
  if not refusal(w, 'cancel', '') then change(w, 'cancel', actor, GIVEN_UP, {'error', GIVEN_UP}) end
end
