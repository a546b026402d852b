-- Start what is due of one task, for rq-scheduler, and tell rq-scheduler when the next is.
-- Uses: time, put, tell, rq, text, find, move, entry
-- KEYS[1] the entries. ARGV: 1 task, 2 actor, 3 the entry's id.
-- Reply: 'fired' | 'early' | 'gone'.
-- Invariants: a slot starts one run, however often and by whomever this is asked: it moves the task from scheduled once.
--   The entry goes with its task.
local t = find(ARGV[1])
if not t or FINAL[t.status] then
  take_entry(ARGV[3])
  return 'gone'
end
local due = tonumber(redis.call('ZSCORE', K.due(), t.id) or '')
if t.status == 'scheduled' and due and due <= NOW then
  local refused = move(t, 'release', ARGV[2], '', {'enqueued_at', NOW_TEXT}, {'enqueued_at', stamp(NOW)}, 0)
  flush()
  return refused or 'fired'
end
if due then redis.call('ZADD', KEYS[1], 'XX', math.ceil(due / 1000), ARGV[3]) end
return 'early'
