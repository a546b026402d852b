-- One job of another program.
-- Uses: time, job
-- KEYS[1] RQ's queues. ARGV: 1 job.
-- Reply: the job, or nil where there is none.
-- Invariants: looking changes nothing.
-- Read only.
return shown(ARGV[1])
