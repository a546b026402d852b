-- What the end of a task means for those that wait for it.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: what is met stays met; a task goes on in the script that meets the last of what it waits for, and once; of a
-- task with very many dependents a part is left to the leader, and what is left is stored in that same script.
local STEP = 250
local looks = BOUNDS.cascade

-- A blocked task that waits for nothing more goes on: to its queue, to its start time, or to a person for leave.
local function unblock(t, actor, why)
  if t.permission == 'human_required' and redis.call('HEXISTS', t.key, 'review') == 0 then
    return move(t, 'hold', actor, why, {}, {}, 0)
  end
  local at = tonumber(redis.call('HGET', t.key, 'scheduled_at') or '0')
  if t.repeats then at = tonumber(redis.call('ZSCORE', K.slots(), t.id) or FAR) end
  if t.repeats or at > NOW then return move(t, 'unblock_later', actor, why, {'trigger', 'dependency'}, {}, at) end
  return move(t, 'unblock', actor, why, {'trigger', 'dependency', 'enqueued_at', NOW_TEXT}, {'enqueued_at', stamp(NOW)}, 0)
end

local function named(task, name) return '"' .. name .. '" (' .. task .. ')' end

-- What a prerequisite's end means for a blocked task that waits for it; `need` is its id, name, status, who ended it.
local function judge(t, need)
  local kind = redis.call('HGET', K.needs(t.owner, t.id), need.id)
  if not kind or not BLOCKING[kind] then return false end
  local said = named(need.id, need.name) .. ' is ' .. need.status
  if is_met(kind, need.status) then
    local last = redis.call('SREM', K.unmet(t.owner, t.id), need.id) == 1 and unmet(t.owner, t.id) == 0
    if not last or t.status ~= 'blocked' then return false end
    unblock(t, need.actor, said)
    return true
  end
  if t.status ~= 'blocked' or redis.call('HGET', t.key, 'on_prerequisite_failure') == 'block'
    or redis.call('SISMEMBER', K.unmet(t.owner, t.id), need.id) == 0 then return false end
  local error = 'it waits for the success of ' .. named(need.id, need.name) .. ', which is ' .. need.status
  move(t, 'skip', need.actor, said, {'run', 'skipped', 'finished_at', NOW_TEXT, 'error', error}, {'ended_at', stamp(NOW)}, 0)
  return true
end

-- Makes sure of a blocked task by a few of those it waits for; returns whether it should not have been blocked.
local function recheck(t)
  for _, id in ipairs(redis.call('SRANDMEMBER', K.unmet(t.owner, t.id), 3)) do
    local need = find(id)
    if need and FINAL[need.status] and redis.call('HEXISTS', K.releasing(), id) == 0 then
      judge(t, {id = id, name = need.name, status = need.status, actor = 'controller'})
    end
  end
  if t.status == 'blocked' and unmet(t.owner, t.id) == 0 then unblock(t, 'controller', '') end
  flush()
  return t.status ~= 'blocked'
end

-- After a person has changed what a blocked task waits for.
local function go_on(t, actor)
  if t.status == 'blocked' and unmet(t.owner, t.id) == 0 then unblock(t, actor, '') end
end

-- Looks at those that wait for an ended task, in the order in which they came to do so.
local function tell_dependents(need)
  local dependents = K.dependents(need.owner, need.id)
  while looks > 0 do
    local most = math.min(STEP, looks)
    local found = redis.call('ZRANGEBYSCORE', dependents, '(' .. need.after, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
    for i = 1, #found, 2 do
      local t = find(found[i])
      if t then judge(t, need) end
      need.after = found[i + 1]
    end
    looks = looks - #found / 2
    write_put()
    if #found / 2 < most then return true end
  end
  return false
end

-- The ends that this script made, and those of the tasks that were skipped for them: without recursion, however deep.
local function settle()
  local at = 1
  while ENDED[at] do
    local need = ENDED[at]
    if not tell_dependents(need)
      and redis.call('ZCOUNT', K.dependents(need.owner, need.id), '(' .. need.after, '+inf') > 0 then
      redis.call('HSET', K.releasing(), need.id, need.status .. ' ' .. need.after)
    elseif need.after ~= 0 then
      -- What an earlier end of it had left is overtaken.
      redis.call('HDEL', K.releasing(), need.id)
    end
    at = at + 1
  end
  ENDED = {}
end

table.insert(AFTER, settle)

-- Goes on with what was left; returns how many ended tasks that was about.
local function resume()
  local left, count = redis.call('HRANDFIELD', K.releasing(), 100, 'WITHVALUES'), 0
  for i = 1, #left, 2 do
    local t = find(left[i])
    local status, after = string.match(left[i + 1], '^(%S+) (%S+)$')
    redis.call('HDEL', K.releasing(), left[i])
    if t then
      ENDED[#ENDED + 1] = {id = t.id, owner = t.owner, name = t.name, status = status, actor = 'controller', after = after}
    end
    count = count + 1
  end
  flush()
  return count
end
