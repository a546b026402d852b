-- Do what a slot that is due stands for: run its task, or skip it, and await the slot after it.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the slots. ARGV: 1 leader's token, '' where no leader asks, 2 task, 3 the slot that is due, 4 the slot to run for or '', 5 its occurrence's
--   key, 6 what an overlap leads to, 7 the next slot or '', 8 when that is due, 9 how many slots were missed and skipped.
-- Reply: 'started', 'waiting', 'skipped', 'over', or 'stale' where the slot has been seen to or the task is gone; nil when
--   the caller leads no more.
-- Invariants: a slot is seen to once, whoever asks, since it goes in the same script.
if ARGV[1] ~= '' and redis.call('GET', K.leader()) ~= ARGV[1] then return nil end
local t = find(ARGV[2])
local slot = t and t.repeats and redis.call('HGET', t.key, 'next_slot')
if slot ~= ARGV[3] or not redis.call('ZSCORE', K.slots(), ARGV[2]) then
  if not slot then redis.call('ZREM', K.slots(), ARGV[2]) end
  return 'stale'
end
local answer = 'skipped'
if ARGV[7] ~= '' then await(t, ARGV[7], ARGV[8], '') else close(t) end
if tonumber(ARGV[9]) > 0 then skip(t, tonumber(ARGV[9]), ARGV[9] .. ' missed while no controller was there') end
if ARGV[4] ~= '' then
  answer = occur(t, {key = ARGV[5], trigger = 'schedule', at = tonumber(ARGV[4])}, ARGV[6])
end
if ARGV[7] == '' and rests(t) then
  answer = 'over'
  end_if_over(t)
end
flush()
return answer
