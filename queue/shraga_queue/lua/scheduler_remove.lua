-- Take an entry from rq-scheduler, so that it fires no more.
-- Uses: time, tell, text, entry
-- KEYS[1] the entries. ARGV: 1 the entry's id, 2 actor.
-- Reply: 1 where it went, 0 where there is none.
-- Invariants: a run that it started before is left alone.
local name = cut(redis.call('HGET', K.rq_job(ARGV[1]), 'description') or '', 120)
if not take_entry(ARGV[1]) then return 0 end
tell('rq.unscheduled', '', '', name, '', '', ARGV[2], 'entry ' .. ARGV[1] .. ' of rq-scheduler')
audit(ARGV[2], 'unschedule', 'rq_entry', ARGV[1], 'scheduled', '', '')
return 1
