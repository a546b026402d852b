-- End a run whose worker was lost: its next try, or its failure.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the leases. ARGV: 1 task, 2 fence, 3 ms until the next try or -1, 4 why, 5 actor, 6 leader's token or ''.
-- Reply: the task's new status, or 'stale' when the run has ended, was renewed, or the caller leads no more.
-- Invariants: a run with a live lease is not taken from its worker, except by that worker itself (no token); taking one from
--   a silent worker is audited.
local t = find(ARGV[1])
if not holds(t, ARGV[2], '') then return 'stale' end
-- Without the token it is the run's own slot that speaks, or the worker of that slot.
if ARGV[6] == '' and ARGV[5] ~= t.holder and ARGV[5] ~= string.match(t.holder or '', '^(.*)%.%d+%.%d+$') then
  return 'stale'
end
if ARGV[6] ~= '' then
  local lease = redis.call('ZSCORE', K.leases(), t.id)
  if redis.call('GET', K.leader()) ~= ARGV[6] or (lease and tonumber(lease) > NOW) then return 'stale' end
end
local delay = tonumber(ARGV[3])
if ARGV[6] ~= '' then audit(ARGV[5], 'lose', 'task', t.id, t.status, '', ARGV[4]) end
free_slot(t)
local ended = {'run', 'lost', 'finished_at', num(NOW), 'error', ARGV[4]}
local refused
if t.cancel_by then
  ended[2] = 'canceled'
  refused = move(t, 'stop', ARGV[5], ARGV[4], ended, {'ended_at', stamp(NOW)}, 0)
else
  redis.call('HSET', t.key, unpack(ended))
  redis.call('HINCRBY', t.key, 'losses', 1)
  tell('task.lost', t.owner, t.id, t.name, t.status, t.attempt, ARGV[5], ARGV[4])
  if delay < 0 then
    refused = move(t, 'fail', ARGV[5], ARGV[4], {}, {'ended_at', stamp(NOW), 'exc_info', ARGV[4]}, 0)
  else
    next_attempt(t, 'lost')
    if delay == 0 then
      refused = move(t, 'retry_now', ARGV[5], ARGV[4], {'enqueued_at', num(NOW)}, {'enqueued_at', stamp(NOW)}, 0)
    else
      refused = move(t, 'retry_later', ARGV[5], ARGV[4], {'scheduled_at', num(NOW + delay)}, {}, NOW + delay)
    end
  end
end
flush()
return refused or t.ended or t.status
