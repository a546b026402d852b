-- Which tasks wait for which.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: both ends of an edge know it; what a task waits for still is a set of its own, so that nothing counts twice.
local BLOCKING = {success = true, finished = true}
local function is_met(kind, status) return status == 'completed' or (kind == 'finished' and FINAL[status]) end

local function unmet(owner, task) return redis.call('SCARD', K.unmet(owner, task)) end

-- Writes that a task waits for another or is linked to it. One that has failed it already is left to be settled
-- (lib_depend), by who reads the status this returns, or by the leader.
local function tie(owner, task, need, kind, holder)
  holder = holder or redis.call('HGET', K.owners(), need)
  redis.call('HSET', K.needs(owner, task), need, kind)
  local place = redis.call('INCR', K.edges())
  redis.call('ZADD', K.dependents(holder, need), place, task)
  local status = redis.call('HGET', K.task(holder, need), 'status')
  if not BLOCKING[kind] or is_met(kind, status) then
    redis.call('SREM', K.unmet(owner, task), need)
    return nil
  end
  redis.call('SADD', K.unmet(owner, task), need)
  if not FINAL[status] then return nil end
  redis.call('HSETNX', K.releasing(), need, status .. ' ' .. place - 1)
  return status
end

local function untie(owner, task, need)
  local holder = redis.call('HGET', K.owners(), need)
  if holder then redis.call('ZREM', K.dependents(holder, need), task) end
  redis.call('SREM', K.unmet(owner, task), need)
  return redis.call('HDEL', K.needs(owner, task), need) == 1
end
