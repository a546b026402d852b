-- Accept tasks: record, owner, indexes, events, audit and RQ's jobs, in one call.
-- Uses: time, put, tell, rq, text, edges
-- KEYS[1] the first task. ARGV: 1 owner, 2 actor, 3 and 4 what stands before and after a task's id in its job's data, then
--   for each task: id, capability, queue name, name shortened, start time in ms or 0, ms until it expires or 0, job timeout
--   in s, permission, of one that repeats when its first slot is due or 'on', else '', the event it hears or '', how many
--   cells its record's fields take, and those (the name first, what was asked last, right before it by when it has to be
--   done, if that was said), how many cells its prerequisites take, and those: id and kind.
-- Reply: {now in ms, status of each task, '' where a prerequisite has failed already and `settle` has to say};
--   {'missing', task, prerequisite} or {'taken', task} where none was accepted.
-- Invariants: the same id is accepted once, so that a repeated call after a lost reply adds nothing; a prerequisite exists
--   already or comes before in the same call.
local owner, actor = ARGV[1], ARGV[2]
local created = stamp(NOW)
local owners = {}

local function cells(i)
  local last = i + 10 + tonumber(ARGV[i + 10])
  return ARGV[i], last, last + 1 + tonumber(ARGV[last + 1])
end

local function refusal()
  local i, coming = 5, {}
  while i <= #ARGV do
    local task, last, needs = cells(i)
    local known = redis.call('HGET', K.owners(), task)
    owners[task] = known or nil
    if known then
      local there = redis.call('HMGET', K.task(known, task), 'name', 'spec')
      if known ~= owner or there[1] ~= ARGV[i + 12] or there[2] ~= ARGV[last] then return {'taken', task} end
    end
    for j = last + 2, known and 0 or needs, 2 do
      if not coming[ARGV[j]] and redis.call('HEXISTS', K.owners(), ARGV[j]) == 0 then return {'missing', task, ARGV[j]} end
    end
    coming[task] = true
    i = needs + 1
  end
end

local refused = refusal()
if refused then return refused end
if redis.call('ZADD', K.users(), 'NX', NOW, owner) == 1 then
  redis.call('HSETNX', K.user(owner), 'created_at', NOW_TEXT)
end

local function accept(task, capability, queue, name, at, lasts, timeout, permission, repeats, event, first, last, needs)
  local failed = false
  for j = last + 2, needs, 2 do
    if tie(owner, task, ARGV[j], ARGV[j + 1], owners[ARGV[j]]) then failed = true end
  end
  local status = (at > NOW or repeats ~= '') and 'scheduled' or 'queued'
  if needs > last + 1 and unmet(owner, task) > 0 then status = 'blocked'
  elseif permission == 'human_required' then status = 'awaiting_approval' end
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
  if repeats ~= '' then
    put('ZADD', K.repeating(), NOW, task)
    if event ~= '' then put('ZADD', K.on(event), 0, task) end
    if tonumber(repeats) then put('ZADD', K.slots(), repeats, task) end
  end
  if status == 'blocked' or status == 'awaiting_approval' then
    put('ZADD', K.rq_deferred(queue), 32503680000, task)
  elseif repeats ~= '' then
    put('ZADD', K.rq_scheduled(queue), math.ceil((tonumber(repeats) or 32503680000000) / 1000), task)
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
  if ARGV[last - 3] == 'due' then put('ZADD', K.due(), ARGV[last - 2], 'overdue:' .. task) end
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
  return failed and '' or status
end

local reply, i = {NOW}, 5
while i <= #ARGV do
  local task, last, needs = cells(i)
  local known = owners[task]
  if known then reply[#reply + 1] = redis.call('HGET', K.task(known, task), 'status') or ''
  else
    reply[#reply + 1] = accept(task, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5]),
      ARGV[i + 6], ARGV[i + 7], ARGV[i + 8], ARGV[i + 9], i + 11, last, needs)
  end
  i = needs + 1
end
flush()
return reply
