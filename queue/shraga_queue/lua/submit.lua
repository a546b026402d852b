-- Accept tasks: record, owner, indexes, events, audit and RQ's jobs, in one call.
-- Uses: time, put, tell, rq, text
-- KEYS[1] the first task. ARGV: 1 owner, 2 actor, 3 and 4 what stands before and after a task's id in its job's data, then
--   for each task: id, capability, queue name, name shortened, start time in ms or 0, ms until it expires or 0, job timeout
--   in s, permission, how many cells its record's fields take, and those.
-- Reply: {now in ms, status of each task}.
-- Invariants: the same id is accepted once, so that a repeated call after a lost reply adds nothing.
local owner, actor = ARGV[1], ARGV[2]
local created = stamp(NOW)
local owners = {}
if redis.call('ZADD', K.users(), 'NX', NOW, owner) == 1 then
  redis.call('HSETNX', K.user(owner), 'created_at', NOW_TEXT)
end

local function accept(task, capability, queue, name, at, lasts, timeout, permission, first, last)
  local status = permission == 'human_required' and 'awaiting_approval' or at > NOW and 'scheduled' or 'queued'
  local fields = {'status', status, 'owner', owner, 'queue', queue, 'attempt', '1', 'run', 'pending',
    'created_at', NOW_TEXT, 'moved_at', NOW_TEXT, 'updated_at', NOW_TEXT, 'created_by', actor, 'updated_by', actor,
    'version', '1'}
  local function set(field, value)
    fields[#fields + 1] = field
    fields[#fields + 1] = value
  end
  if capability ~= 'any' then set('capability', capability) end
  if permission ~= 'autonomous' then set('permission', permission) end
  if at > NOW then set('scheduled_at', num(at)) end
  if status == 'awaiting_approval' then put('ZADD', K.rq_deferred(queue), 32503680000, task)
  elseif status == 'scheduled' then
    put('ZADD', K.due(), at, task)
    put('ZADD', K.rq_scheduled(queue), math.ceil(at / 1000), task)
  else
    set('enqueued_at', NOW_TEXT)
    put('RPUSH', K.rq_queue(queue), task)
    put('SADD', K.rq_queues(), K.rq_queue(queue))
    ring(capability)
  end
  if lasts > 0 then
    local expires = math.max(at, NOW) + lasts
    set('expires_at', num(expires))
    put('ZADD', K.due(), expires, 'expire:' .. task)
  end
  for i = first, last do fields[#fields + 1] = ARGV[i] end
  redis.call('HSET', K.task(owner, task), unpack(fields))
  put('HSET', K.owners(), task, owner)
  put('ZADD', K.index(status), NOW, task)
  put('ZADD', K.user_index(owner, status), NOW, task)
  redis.call('HSET', K.rq_job(task), 'status', RQ_STATUS[status], 'created_at', created, 'enqueued_at', created,
    'data', ARGV[3] .. task .. ARGV[4], 'origin', queue, 'description', name, 'timeout', timeout)
  tell('task.submitted', owner, task, name, status, '1', actor, '')
  audit(actor, 'submit', 'task', task, '', status, '')
  owners[task] = owner
  return status
end

local reply, i = {NOW}, 5
while i <= #ARGV do
  local task, last = ARGV[i], i + 8 + tonumber(ARGV[i + 8])
  local known = owners[task] or redis.call('HGET', K.owners(), task)
  if known then reply[#reply + 1] = redis.call('HGET', K.task(known, task), 'status') or ''
  else
    reply[#reply + 1] = accept(task, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5]),
      ARGV[i + 6], ARGV[i + 7], i + 9, last)
  end
  i = last + 1
end
flush()
return reply
