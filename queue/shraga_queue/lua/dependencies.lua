-- What a task waits for or is linked to, and what waits for it or is linked to it.
-- Uses: time, text
-- KEYS[1] the owners. ARGV: 1 task, 2 how many of each at most, 3 how many of each are passed over.
-- Reply: {now in ms, how many prerequisites, how many of them are not met, rows, how many dependents, rows} or nil; a row is
--   {id, kind, name, status, owner, 1 where it is not met}, name, status and owner '' where the task is gone. Prerequisites
--   that are not met come first.
-- Invariants: looking changes nothing.
-- Read only.
local owner = redis.call('HGET', K.owners(), ARGV[1])
if not owner then return nil end
local most, passed = tonumber(ARGV[2]), tonumber(ARGV[3])

local function row(task, kind, is_unmet)
  local holder = redis.call('HGET', K.owners(), task)
  local got = holder and redis.call('HMGET', K.task(holder, task), 'name', 'status') or {}
  return {task, kind or '', cut(got[1] or '', 480), got[2] or '', holder or '', is_unmet}
end

local open = {}
for _, id in ipairs(redis.call('SMEMBERS', K.unmet(owner, ARGV[1]))) do open[id] = true end
local needs, first, later, kinds = redis.call('HGETALL', K.needs(owner, ARGV[1])), {}, {}, {}
-- What holds the tasks of a paused workflow (lib_workflow) is no task.
if open['(paused)'] then first[1] = '(paused)' end
for i = 1, #needs, 2 do
  kinds[needs[i]] = needs[i + 1]
  local list = open[needs[i]] and first or later
  list[#list + 1] = needs[i]
end
local unmet = #first
for _, id in ipairs(later) do first[#first + 1] = id end

local prerequisites, dependents = {}, {}
for i = passed + 1, math.min(#first, passed + most) do
  prerequisites[#prerequisites + 1] = row(first[i], kinds[first[i]], i <= unmet and 1 or 0)
end
for _, id in ipairs(redis.call('ZRANGE', K.dependents(owner, ARGV[1]), passed, passed + most - 1)) do
  local holder = redis.call('HGET', K.owners(), id)
  local kind = holder and redis.call('HGET', K.needs(holder, id), ARGV[1])
  local is_unmet = holder and redis.call('SISMEMBER', K.unmet(holder, id), ARGV[1]) or 0
  dependents[#dependents + 1] = row(id, kind, is_unmet)
end
return {NOW, #first, unmet, prerequisites, redis.call('ZCARD', K.dependents(owner, ARGV[1])), dependents}
