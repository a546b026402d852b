-- Accept a task: record, owner, indexes, event, audit and RQ's job, in one call.
-- Uses: time, tell, rq, text, find, move
-- KEYS[1] the task. ARGV: 1 task id, 2 owner, 3 actor, 4 capability, 5 queue name, 6 name shortened,
--   7 start time in ms or 0, 8 ms until it expires or 0, 9 job data, 10 job timeout in s, then the record's fields.
-- Reply: {1 when new or 0 when the id was known already, status, now in ms}.
-- Invariants: the same id is accepted once, so that a repeated call after a lost reply adds nothing.
local task, owner, actor, capability, queue, name = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local key = K.task(owner, task)
if redis.call('HSETNX', K.owners(), task, owner) == 0 then
  local known = redis.call('HGET', K.owners(), task)
  return {0, redis.call('HGET', K.task(known, task), 'status') or '', NOW}
end
if redis.call('ZADD', K.users(), 'NX', NOW, owner) == 1 then
  redis.call('HSETNX', K.user(owner), 'created_at', num(NOW))
end
local at = tonumber(ARGV[7])
local status = at > NOW and 'scheduled' or 'queued'
local fields = {'status', status, 'owner', owner, 'queue', queue, 'attempt', '1', 'run', 'pending',
  'created_at', num(NOW), 'moved_at', num(NOW), 'updated_at', num(NOW), 'created_by', actor, 'updated_by', actor,
  'version', '1'}
if capability ~= 'any' then fields[#fields + 1] = 'capability'; fields[#fields + 1] = capability end
if status == 'scheduled' then
  fields[#fields + 1] = 'scheduled_at'; fields[#fields + 1] = num(at)
  redis.call('ZADD', K.due(), at, task)
else
  fields[#fields + 1] = 'enqueued_at'; fields[#fields + 1] = num(NOW)
end
if ARGV[8] ~= '0' then
  local expires = math.max(at, NOW) + tonumber(ARGV[8])
  fields[#fields + 1] = 'expires_at'; fields[#fields + 1] = num(expires)
  redis.call('ZADD', K.due(), expires, 'expire:' .. task)
end
redis.call('HSET', key, unpack(ARGV, 11))
redis.call('HSET', key, unpack(fields))
redis.call('ZADD', K.index(status), NOW, task)
redis.call('ZADD', K.user_index(owner, status), NOW, task)
local created = stamp(NOW)
rq_enter(status, task, queue, '1', at, {'created_at', created, 'enqueued_at', created, 'data', ARGV[9],
  'origin', queue, 'description', name, 'timeout', ARGV[10]})
if status == 'queued' then ring(capability) end
tell('task.submitted', owner, task, name, status, '1', actor, '')
audit(actor, 'submit', 'task', task, '', status, '')
return {1, status, NOW}
