-- One entry of rq-scheduler.
-- Uses: time, job
-- KEYS[1] the entries. ARGV: 1 the entry's id, which is its job's.
-- Reply: the job with the time it is due in s for a score; {id, score} where the job is gone; nil where there is no entry.
-- Invariants: looking changes nothing.
-- Read only.
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
return due and (shown(ARGV[1], due) or {ARGV[1], due}) or nil
