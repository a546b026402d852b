-- Ask a task to stop: at once where it waits, by an intent its worker obeys where it runs.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the owners. ARGV: 1 task, 2 actor, 3 reason.
-- Reply: {'canceled' | 'asked' | 'ended' | 'missing', status}.
-- Invariants: the intent is stored before anybody is told; the message to the worker is only a hint.
local t = find(ARGV[1])
if not t then return {'missing', ''} end
if FINAL[t.status] then return {'ended', t.status} end
if t.repeats and redis.call('HDEL', t.key, 'overtaken') == 1 then t.cancel_by = nil end
local wanted = {'cancel_by', ARGV[2], 'cancel_reason', ARGV[3]}
if t.status ~= 'running' then
  -- A run that has ended, and whose result waits for a verdict, has not been canceled itself.
  if t.run ~= 'completed' then redis.call('HSET', t.key, 'run', 'canceled', 'finished_at', num(NOW)) end
  redis.call('HSET', t.key, unpack(wanted))
  local refused = move(t, 'cancel', ARGV[2], ARGV[3], {}, {'ended_at', stamp(NOW)}, 0)
  flush()
  return refused or {'canceled', t.status}
end
if not t.cancel_by then
  redis.call('HSET', t.key, 'updated_at', num(NOW), 'updated_by', ARGV[2], unpack(wanted))
  redis.call('HINCRBY', t.key, 'version', 1)
  tell('task.canceling', t.owner, t.id, t.name, t.status, t.attempt, ARGV[2], ARGV[3])
  audit(ARGV[2], 'ask_cancel', 'task', t.id, t.status, t.status, ARGV[3])
end
local name = redis.call('HGET', t.key, 'worker_name')
if name then
  redis.call('PUBLISH', K.rq_commands(name), cjson.encode({command = 'stop-job', job_id = t.id, by = 'shraga'}))
end
return {'asked', t.status}
