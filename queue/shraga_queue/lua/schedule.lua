-- Pause or resume a task that repeats, or skip its next slot.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the owners. ARGV: 1 task, 2 actor, 3 'pause', 'resume' or 'skip', 4 the slot that the caller knows as next or '',
--   5 the slot to await instead or '', 6 when that is due.
-- Reply: 'done', 'missing', 'once' for a task that does not repeat, 'ended', 'same' where it is so already, or 'changed'
--   where the next slot is another by now.
-- Invariants: what is decided for a slot holds for that slot alone; a paused task has no slot that is due.
local t = find(ARGV[1])
if not t then return 'missing' end
if not t.repeats then return 'once' end
if FINAL[t.status] then return 'ended' end
local wish, got = ARGV[3], redis.call('HMGET', t.key, 'paused', 'next_slot')
if (got[2] or '') ~= ARGV[4] then return 'changed' end
if wish == (got[1] and 'pause' or 'resume') or (wish == 'skip' and not got[2]) then return 'same' end
if wish == 'pause' then
  redis.call('HSET', t.key, 'paused', ARGV[2])
  redis.call('ZREM', K.slots(), t.id)
elseif wish == 'resume' then
  redis.call('HDEL', t.key, 'paused')
  await(t, ARGV[5], ARGV[6], '')
else
  redis.call('HINCRBY', t.key, 'skips', 1)
  await(t, ARGV[5], ARGV[6], '')
  if got[1] then redis.call('ZREM', K.slots(), t.id) end
end
redis.call('HSET', t.key, 'updated_at', NOW_TEXT, 'updated_by', ARGV[2])
redis.call('HINCRBY', t.key, 'version', 1)
tell('schedule.changed', t.owner, t.id, t.name, t.status, t.attempt, ARGV[2], wish)
audit(ARGV[2], 'schedule_' .. wish, 'task', t.id, t.status, t.status, ARGV[4])
end_if_over(t)
flush()
return 'done'
