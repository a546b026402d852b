-- Start what is due of one task, for rq-scheduler, and tell rq-scheduler when the next is.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend, entry
-- KEYS[1] the entries. ARGV: 1 task, 2 actor, 3 the entry's id.
-- Reply: {'fired' | 'early' | 'gone'}, or {'slot', now in ms, slot, spec} of one that repeats and has a slot that is due,
--   for whoever can tell what follows it.
-- Invariants: a start time starts one run, however often and by whomever this is asked: it moves the task from scheduled
--   once. The entry goes with its task.
local t = find(ARGV[1])
if not t or FINAL[t.status] then
  take_entry(ARGV[3])
  return {'gone'}
end
local slot_due = tonumber(redis.call('ZSCORE', K.slots(), t.id) or nil)
if slot_due and slot_due <= NOW then
  return {'slot', NOW_TEXT, unpack(redis.call('HMGET', t.key, 'next_slot', 'spec'))}
end
local due = tonumber(redis.call('ZSCORE', K.due(), t.id) or nil)
if t.status == 'scheduled' and due and due <= NOW then
  local refused = move(t, 'release', ARGV[2], '', {'enqueued_at', NOW_TEXT}, {'enqueued_at', stamp(NOW)}, 0)
  flush()
  return refused or {'fired'}
end
local next = slot_due or due
if next then redis.call('ZADD', KEYS[1], 'XX', math.ceil(next / 1000), ARGV[3]) end
return {'early'}
