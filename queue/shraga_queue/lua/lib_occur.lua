-- Occurrences: what a task that repeats runs for, and how it rests in between.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: a run has one occurrence, which its tries keep; others wait for its end, in order, or are skipped and told.
--   An occurrence is {key, trigger, at, data}.
local FAR = 32503680000000
local OVERTAKEN = 'a newer one takes its place'

-- Whether it waits for its next occurrence, not for another try; a run that has not been opened is the first one's.
local function rests(t)
  return t.repeats and t.status == 'scheduled' and (t.run ~= 'pending' or t.attempt == '1')
end

local function skip(t, count, why)
  redis.call('HINCRBY', t.key, 'skips', count)
  tell('schedule.skipped', t.owner, t.id, t.name, t.status, t.attempt, 'controller', why)
end

-- No slot and no event comes any more; what waits still runs.
local function close(t)
  local event = redis.call('HGET', t.key, 'event')
  redis.call('ZREM', K.slots(), t.id)
  redis.call('ZREM', K.repeating(), t.id)
  if event then redis.call('ZREM', K.on(event), t.id) end
  redis.call('HDEL', t.key, 'next_slot', 'event')
end

-- Begins to repeat, or goes on: the next slot and when it is due, '' for none, and the event it hears, '' for none.
local function await(t, slot, due, event)
  redis.call('ZADD', K.repeating(), 'NX', NOW, t.id)
  if slot ~= '' then
    redis.call('HSET', t.key, 'next_slot', slot)
    redis.call('ZADD', K.slots(), due, t.id)
  else
    redis.call('HDEL', t.key, 'next_slot')
    redis.call('ZREM', K.slots(), t.id)
  end
  if event ~= '' then
    redis.call('HSET', t.key, 'event', event)
    redis.call('ZADD', K.on(event), 0, t.id)
  end
end

-- Queues a run for an occurrence.
local function open(t, occurrence, name)
  redis.call('HDEL', t.key, 'failures', 'losses', 'event_data', 'expires_at')
  local fields = {'occurrence', occurrence.key, 'trigger', occurrence.trigger, 'scheduled_at', num(occurrence.at),
    'enqueued_at', NOW_TEXT}
  local function set(field, value)
    fields[#fields + 1] = field
    fields[#fields + 1] = value
  end
  if occurrence.data then set('event_data', occurrence.data) end
  local lasts = tonumber(redis.call('HGET', t.key, 'lasts') or nil)
  if lasts then
    set('expires_at', num(NOW + lasts))
    redis.call('ZADD', K.due(), NOW + lasts, 'expire:' .. t.id)
  end
  return move(t, name, 'controller', '', fields, {'enqueued_at', stamp(NOW)}, 0)
end

-- A run that a person asks for has an occurrence of its own; an ended task takes its timetable up again.
local function by_hand(t, slot, due, event)
  redis.call('HDEL', t.key, 'overtaken', 'event_data', 'scheduled_at')
  redis.call('HSET', t.key, 'trigger', 'manual', 'occurrence', t.id .. '@' .. stamp(NOW))
  if FINAL[t.status] and (slot ~= '' or event ~= '') then await(t, slot, due, event) end
end

-- Ends the run at hand, so that what waits can follow: at once, or by an intent its worker obeys.
local function overtake(t)
  local wanted = {'cancel_by', 'controller', 'cancel_reason', OVERTAKEN, 'overtaken', '1'}
  if t.status ~= 'running' then
    redis.call('HSET', t.key, 'run', 'canceled', 'finished_at', NOW_TEXT, unpack(wanted))
    move(t, 'supersede', 'controller', OVERTAKEN, {}, {'ended_at', stamp(NOW)}, 0)
  elseif not t.cancel_by then
    redis.call('HSET', t.key, unpack(wanted))
    tell('task.canceling', t.owner, t.id, t.name, t.status, t.attempt, 'controller', OVERTAKEN)
    redis.call('PUBLISH', K.rq_commands(t.holder or ''),
      cjson.encode({command = 'stop-job', job_id = t.id, by = 'shraga'}))
  end
end

-- What becomes of an occurrence that has come: 'started', 'waiting' or 'skipped'.
local function occur(t, occurrence, overlap)
  if rests(t) then
    if t.run ~= 'pending' then next_attempt(t, occurrence.trigger) end
    open(t, occurrence, 'release')
    return 'started'
  end
  local backlog = K.backlog(t.owner, t.id)
  if overlap == 'skip' then
    skip(t, 1, 'the run before has not ended')
    return 'skipped'
  elseif overlap == 'cancel_old' then
    local older = redis.call('LLEN', backlog)
    if older > 0 then skip(t, older, OVERTAKEN) end
    redis.call('DEL', backlog)
  elseif redis.call('LLEN', backlog) >= BOUNDS.backlog then
    skip(t, 1, 'too many wait for the run before to end')
    return 'skipped'
  end
  redis.call('RPUSH', backlog, cjson.encode(occurrence))
  if overlap == 'cancel_old' then overtake(t) end
  return t.status == 'queued' and t.ended and 'started' or 'waiting'
end

-- Whether a task that rests had lost its slot or its event, and has it again.
local function mend_rest(t)
  local got = redis.call('HMGET', t.key, 'next_slot', 'event', 'paused')
  local mended = 0
  if got[1] and not got[3] then mended = redis.call('ZADD', K.slots(), 'NX', got[1], t.id) end
  if got[2] then mended = mended + redis.call('ZADD', K.on(got[2]), 'NX', 0, t.id) end
  return mended > 0
end

-- A run has ended: the occurrence that waits follows, or the task rests, or that was the end of it.
REPEAT.after = function(t)
  t.ended = t.status
  local backlog = K.backlog(t.owner, t.id)
  local got = redis.call('HMGET', t.key, 'overtaken', 'cancel_by', 'next_slot', 'event')
  if got[2] and not got[1] then
    close(t)
    redis.call('DEL', backlog)
    return
  end
  -- The move that ended the run has to be written before the next one of the same task.
  flush()
  t.popped, t.cancel_by, t.worker, t.expires_at = nil, nil, nil, nil
  local waiting = redis.call('LPOP', backlog)
  if waiting or got[3] or got[4] then redis.call('HDEL', t.key, 'cancel_by', 'cancel_reason', 'overtaken', 'expires_at') end
  if waiting then
    local occurrence = cjson.decode(waiting)
    next_attempt(t, occurrence.trigger)
    open(t, occurrence, 'follow')
  elseif got[3] or got[4] then
    move(t, 'rest', 'controller', '', {}, {}, tonumber(redis.call('ZSCORE', K.slots(), t.id) or FAR))
  else
    close(t)
  end
end

-- After its last slot a task that rests has been seen through.
local function end_if_over(t)
  if redis.call('HEXISTS', t.key, 'next_slot') == 1 or redis.call('HEXISTS', t.key, 'event') == 1 then return end
  close(t)
  if rests(t) then
    redis.call('HSET', t.key, 'finished_at', NOW_TEXT)
    move(t, 'finish', 'controller', 'its schedule is over', {}, {'ended_at', stamp(NOW)}, 0)
  end
end
