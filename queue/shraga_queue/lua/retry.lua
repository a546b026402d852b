-- Run an ended task again, or a scheduled or blocked one now.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the owners. ARGV: 1 task, 2 actor, 3 job data, 4 job timeout in s, then of a task that repeats and has ended:
--   5 the next slot or '', 6 when that is due, 7 the event it hears or ''.
-- Reply: {'queued' | 'refused' | 'missing', status}.
-- Invariants: earlier runs stay; the new one has a new attempt, hence a new fence; it waits for no other task any more.
local t = find(ARGV[1])
if not t then return {'missing', ''} end
local again = FINAL[t.status]
if not again and not MOVES.run_now.from[t.status] then return {'refused', t.status} end
redis.call('HDEL', t.key, 'cancel_by', 'cancel_reason', 'expires_at')
redis.call('ZREM', K.due(), 'expire:' .. t.id)
redis.call('DEL', K.unmet(t.owner, t.id))
local fresh = rests(t)
if again or (fresh and t.run ~= 'pending') then
  next_attempt(t, 'manual')
  redis.call('HDEL', t.key, 'failures', 'losses')
end
if t.repeats and (again or fresh) then by_hand(t, ARGV[5], ARGV[6], ARGV[7]) end
local at = stamp(NOW)
local refused = move(t, again and 'retry' or 'run_now', ARGV[2], '', {'enqueued_at', num(NOW)},
  {'created_at', at, 'enqueued_at', at, 'data', ARGV[3], 'origin', t.queue, 'description', t.name,
   'timeout', ARGV[4]}, 0)
flush()
return refused or {'queued', t.status}
