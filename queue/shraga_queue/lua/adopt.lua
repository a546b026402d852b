-- Take an entry from rq-scheduler and accept the task that stands for it, in one call.
-- Uses: time, put, tell, rq, text, entry
-- Goes on as: submit
-- KEYS[1] the task. ARGV: 1 the entry's id, 2 the time in s at which it was due when it was read, 3 the task's id; then
--   what `submit` is given.
-- Reply: {'moved'} where the entry has fired or gone since; else what `submit` replies.
-- Invariants: the entry and the task never both fire, and never neither does; a repeated call after a lost reply finds its
--   own task.
local entry, due, new = table.remove(ARGV, 1), table.remove(ARGV, 1), table.remove(ARGV, 1)
if redis.call('HEXISTS', K.owners(), new) == 0 then
  if tonumber(redis.call('ZSCORE', K.scheduler_entries(), entry) or '') ~= tonumber(due) then return {'moved'} end
  take_entry(entry)
  audit(ARGV[2], 'adopt', 'rq_entry', entry, 'scheduled', '', new)
end
