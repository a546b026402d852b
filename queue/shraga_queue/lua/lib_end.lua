-- How a run that its worker has seen through ends: its outcome, or its next try.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: only the holder of the fence ends a run; a run asked to stop that did not complete is canceled, never retried.

-- `o`: {task, fence, run status, exit code, error, output, execution, metrics, result, ms until the next try or -1,
-- ms since it started, ms since it ended, last word}; '' for what there is none of. Returns the new status, 'stale' or an error.
local function end_run(o, name)
  local t = find(o[1])
  if not holds(t, o[2], name) then return 'stale' end
  local outcome, error, delay = o[3], o[5], tonumber(o[10])
  local finished = NOW - tonumber(o[12])
  local ended = stamp(finished)
  local fields = {'run', outcome, 'finished_at', num(finished), 'started_at', num(NOW - tonumber(o[11]))}
  local function set(field, value)
    if value ~= '' then fields[#fields + 1] = field; fields[#fields + 1] = value end
  end
  set('exit_code', o[4]); set('error', error); set('output', o[6]); set('exec', o[7])
  set('metrics', o[8]); set('result', o[9])
  -- A run that is suspended leaves its question to the lists.
  if outcome ~= 'suspended' then set('thought', o[13]) end
  free_slot(t)
  local says = cut(error, 300)
  local refused
  if outcome == 'completed' then
    local job = {'ended_at', ended}
    if o[9] ~= '' then job[3] = 'result'; job[4] = o[9] end
    set('progress', '1')
    if t.permission == 'supervised' then keep_for_resume(t, o[7]) end
    refused = move(t, t.permission == 'supervised' and 'propose' or 'complete', name, '', fields, job, 0)
  elseif t.cancel_by then
    fields[2] = 'canceled'
    refused = move(t, 'stop', name, says, fields, {'ended_at', ended}, 0)
  elseif outcome == 'suspended' then
    refused = suspend(t, o[7], name, fields)
  elseif delay >= 0 then
    redis.call('HSET', t.key, unpack(fields))
    redis.call('HINCRBY', t.key, 'failures', 1)
    next_attempt(t, 'retry')
    if delay == 0 then
      refused = move(t, 'retry_now', name, says, {'enqueued_at', NOW_TEXT}, {'enqueued_at', stamp(NOW)}, 0)
    else
      refused = move(t, 'retry_later', name, says, {'scheduled_at', num(NOW + delay)}, {}, NOW + delay)
    end
  else
    redis.call('HINCRBY', t.key, 'failures', 1)
    refused = move(t, 'fail', name, says, fields, {'ended_at', ended, 'exc_info', error}, 0)
  end
  return refused or t.ended or t.status
end

-- A run that was claimed and never begun goes back to the head of its queue; one asked to stop is canceled.
local function give_back(task, fence, name)
  local t = find(task)
  if not holds(t, fence, name) then return 'stale' end
  free_slot(t)
  if t.cancel_by then
    local ended = {'run', 'canceled', 'finished_at', NOW_TEXT}
    return move(t, 'stop', name, 'canceled before it began', ended, {'ended_at', stamp(NOW)}, 0) or t.ended or t.status
  end
  redis.call('HDEL', t.key, 'worker', 'worker_name', 'slot', 'claimed_at', 'ping_at')
  rq_forget_run(t.id)
  local refused = move(t, 'give_back', name, 'not begun; another slot may take it', {'run', 'pending'}, {}, 0)
  if refused then return refused end
  to_head(t.id, t.queue)
  return t.status
end
