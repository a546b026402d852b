-- Let a task run that waits for a person's leave.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the owners. ARGV: 1 task, 2 actor, 3 note.
-- Reply: {'missing'}, {'refused', status, run's status} or {'approved', status}.
-- Invariants: it runs no earlier than it was to; who let it run stays with it.
local t = find(ARGV[1])
if not t then return {'missing'} end
if t.status ~= 'awaiting_approval' or t.run ~= 'pending' then return {'refused', t.status, t.run} end
redis.call('HSET', t.key, 'review', cjson.encode({decision = 'approved', by = ARGV[2], at = NOW, note = ARGV[3],
  attempt = tonumber(t.attempt)}))
local at = tonumber(redis.call('HGET', t.key, 'scheduled_at') or '0')
if t.repeats then at = tonumber(redis.call('ZSCORE', K.slots(), t.id) or FAR) end
local refused
if t.repeats or at > NOW then refused = move(t, 'approve_later', ARGV[2], ARGV[3], {}, {}, at)
else refused = move(t, 'approve', ARGV[2], ARGV[3], {'enqueued_at', NOW_TEXT}, {'enqueued_at', stamp(NOW)}, 0) end
flush()
return refused or {'approved', t.status}
