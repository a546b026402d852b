-- The one way a task changes its status.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: record, both indexes, events, audit and RQ's keys change together or not at all, once `flush` is called;
-- only moves of the lifecycle table are made.
local RUN_FIELDS = {'run', 'trigger', 'worker', 'worker_name', 'slot', 'scheduled_at', 'enqueued_at', 'claimed_at',
  'started_at', 'finished_at', 'exit_code', 'error', 'metrics', 'result'}

-- What follows the end of a run of a task that repeats (lib_occur).
local REPEAT = {}

-- An open question is put away: answered, or of no interest any more.
local function close_question(t)
  local asked = cjson.decode(t.question)
  redis.call('HDEL', t.key, 'question')
  -- What it asked is no longer what the lists show of it.
  if redis.call('HGET', t.key, 'thought') == cut(asked.text, 500) then redis.call('HDEL', t.key, 'thought') end
  put('ZREM', K.questions(), t.id)
  put('SREM', K.asked(asked.signature), t.id)
  put('ZREM', K.due(), 'ask:' .. t.id)
  t.question = nil
  return asked
end

-- The ends this script has made, for those that wait for them (lib_depend).
local ENDED = {}

-- `fields`: flat list for the task's hash; `job`: the same for RQ's; `at`: when due, for scheduled.
local function move(t, name, actor, content, fields, job, at)
  local rule = MOVES[name]
  if not rule.from[t.status] then
    return redis.error_reply('SHRAGA illegal move ' .. name .. ' from ' .. t.status)
  end
  local before, after = t.status, rule.to
  put('ZREM', K.index(before), t.id)
  put('ZREM', K.user_index(t.owner, before), t.id)
  put('ZADD', K.index(after), NOW, t.id)
  put('ZADD', K.user_index(t.owner, after), NOW, t.id)
  t.version = t.version + 1
  redis.call('HSET', t.key, 'status', after, 'moved_at', NOW_TEXT, 'updated_at', NOW_TEXT, 'updated_by', actor,
    'version', num(t.version), unpack(fields))
  if before == 'scheduled' then put('ZREM', K.due(), t.id) end
  -- A task that repeats waits for its slot, and for a time of its own only between two tries.
  if after == 'scheduled' and (name == 'retry_later' or not t.repeats) then put('ZADD', K.due(), at, t.id) end
  -- What is put and taken at one place in one script has no order.
  if not t.popped and RQ_STATUS[before] ~= RQ_STATUS[after] then rq_leave(before, t.id, t.queue, t.from_attempt or t.attempt) end
  rq_enter(after, t.id, t.queue, t.attempt, at, job)
  if FINAL[before] then redis.call('PERSIST', K.rq_job(t.id)) end
  if after == 'queued' then ring(t.capability) end
  tell(rule.event, t.owner, t.id, t.name, after, t.attempt, actor, content)
  if rule.audited then audit(actor, name, 'task', t.id, before, after, content) end
  if FINAL[after] then
    pulse(after)
    if t.question then close_question(t) end
    if t.expires_at then put('ZREM', K.due(), 'expire:' .. t.id) end
    if t.workflow then redis.call('HINCRBY', K.workflows_due(), t.workflow, 1) end
    ENDED[#ENDED + 1] = {id = t.id, owner = t.owner, name = t.name, status = after, actor = actor, after = 0}
  end
  t.status = after
  if FINAL[after] and t.repeats then REPEAT.after(t) end
  return nil
end

-- Skips a task that has not started in time.
local function expire(t, actor)
  local said = 'it expired at ' .. string.sub(stamp(t.expires_at or NOW), 1, 19) .. 'Z, before it started'
  redis.call('HSET', t.key, 'run', 'expired', 'finished_at', NOW_TEXT, 'error', said)
  return move(t, 'expire', actor, said, {}, {'ended_at', stamp(NOW)}, 0)
end

-- What a run has been told is forgotten where the next one is no continuation of it.
local CONTINUES = {retry = true, lost = true, resume = true}

-- Puts the ended run among the task's earlier ones and opens the next, pending.
local function next_attempt(t, trigger)
  local values = redis.call('HMGET', t.key, unpack(RUN_FIELDS))
  local old = {attempt = tonumber(t.attempt), queue = t.queue, fence = tonumber(t.fence)}
  for i, field in ipairs(RUN_FIELDS) do
    if values[i] then old[field] = values[i] end
  end
  if t.repeats then old.occurrence = redis.call('HGET', t.key, 'occurrence') or nil end
  redis.call('HSET', K.runs(t.owner, t.id), t.attempt, cjson.encode(old))
  redis.call('HDEL', t.key, 'progress', 'thought', 'ping_at', 'output', 'exec',
    unpack(RUN_FIELDS))
  if not CONTINUES[trigger] then
    redis.call('HDEL', t.key, 'resume')
    redis.call('DEL', K.answers(t.owner, t.id))
  end
  rq_forget_run(t.id)
  t.from_attempt = t.attempt
  t.attempt = num(tonumber(t.attempt) + 1)
  redis.call('HSET', t.key, 'attempt', t.attempt, 'run', 'pending', 'trigger', trigger)
end

-- Takes the run from its worker: no lease, no place among the current tasks; its log grows old from now.
local function free_slot(t)
  put('ZREM', K.leases(), t.id)
  redis.call('EXPIRE', K.log(t.owner, t.id, t.attempt), BOUNDS.log_seconds)
  if t.worker then put('HDEL', K.worker(t.worker), 'run:' .. t.id) end
end
